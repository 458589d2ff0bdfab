#!/bin/bash
# python3: its own regression tests of gc
# packages: python3 libpython3.11-testsuite
# programs: python3.11
# normalise: times
. "$REAL/common.sh"
cd tmp
set -o pipefail
python3 -m test -v test_gc | sed '/^== cwd: /d'
