#!/bin/bash
# make -j2 of a real package, googletest and googlemock with all of its samples, and their runs
# packages: googletest cmake make g++
# programs: cmake make cc1plus sample1_unittest
# normalise: times order
# long
. "$REAL/common.sh"
mkdir tmp/build
cd tmp/build
cmake -DCMAKE_BUILD_TYPE=None -Dgtest_build_samples=ON -DCMAKE_CXX_FLAGS=-O0 /usr/src/googletest > configured
make -s -j2 2>&1 | sed 's/^\[ *[0-9]*%\]//'
find . -name '*_unittest' -type f -perm /1 | while read -r test; do "$test"; done
