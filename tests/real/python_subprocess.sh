#!/bin/bash
# python3: its own regression tests of child processes, by fork and by vfork
# packages: python3 libpython3.11-testsuite
# programs: python3.11
# normalise: times
# slow
. "$REAL/common.sh"
cd tmp
# A process that reports has a descriptor of its own, far above the others; these two count all.
left_out=()
[ -z "${HEAPTAG_REPORT-}" ] || left_out=(-i '*test_close_fds_when_max_fd_is_lowered' -i '*test_pass_fds_redirected')
regression_tests "${left_out[@]}" -i '*_timeout*' -i '*repeated_errors*' -i '*sending_signals*' -m '*POSIXProcessTestCase*' \
  test_subprocess
