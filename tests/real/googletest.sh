#!/bin/bash
# make -j2 of a real package, googletest, configured by cmake
# packages: googletest cmake make g++
# programs: cmake make cc1plus x86_64-linux-gnu-ar
# normalise: times order
# long
. "$REAL/common.sh"
mkdir tmp/build
cd tmp/build
cmake -DCMAKE_BUILD_TYPE=None -DBUILD_GMOCK=OFF -DCMAKE_CXX_FLAGS=-O0 /usr/src/googletest > configured
make -s -j2 gtest_main 2>&1
ar t lib/libgtest.a; nm -C lib/libgtest.a | grep -c ' T testing::'
