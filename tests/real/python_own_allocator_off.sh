#!/bin/bash
# python3: every object by malloc: regression tests with pymalloc off, and with its debug hooks
# packages: python3 libpython3.11-testsuite
# programs: python3.11
# normalise: times
# slow
. "$REAL/common.sh"
cd tmp
PYTHONMALLOC=malloc regression_tests test_json test_dict
PYTHONMALLOC=malloc_debug regression_tests test_heapq
