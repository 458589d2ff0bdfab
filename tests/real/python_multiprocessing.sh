#!/bin/bash
# python3: its own regression tests of processes, queues, pools and connections
# packages: python3 libpython3.11-testsuite
# programs: python3.11
# normalise: times
. "$REAL/common.sh"
cd tmp
regression_tests -m '*WithProcessesTestQueue*' -m '*WithProcessesTestPool.test_map*' \
  -m '*WithProcessesTestPool.test_imap*' -m '*WithProcessesTestArray*' \
  -m '*WithProcessesTestConnection*' test_multiprocessing_fork
