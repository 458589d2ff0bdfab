#!/bin/bash
# python3: its own regression tests of ctypes
# packages: python3 libpython3.11-testsuite
# programs: python3.11
# normalise: times
. "$REAL/common.sh"
cd tmp
regression_tests -v test_ctypes
