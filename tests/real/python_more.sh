#!/bin/bash
# python3: more of its own regression tests: containers, re, zlib, pickle, mmap, forks, asyncio
# packages: python3 libpython3.11-testsuite
# programs: python3.11
# normalise: times
# long
. "$REAL/common.sh"
cd tmp
regression_tests test_dict test_list test_set test_re test_zlib test_pickle test_bytes \
  test_weakref test_mmap test_fork1 test_thread test_threadedtempfile test_asyncio.test_tasks
