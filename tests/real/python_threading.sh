#!/bin/bash
# python3: its own regression tests of threads, locks and events
# packages: python3 libpython3.11-testsuite
# programs: python3.11
# normalise: times
# slow
. "$REAL/common.sh"
cd tmp
regression_tests -m 'test_threading.ThreadTests.*' -m '*EventTests*' -m '*CRLockTests*' \
  -i '*test_print_exception*' test_threading
