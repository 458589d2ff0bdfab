#!/bin/bash
# cmake and ninja: a project of thirty C files in libraries, built, changed, built again, ctest
# packages: cmake ninja-build gcc libc6-dev
# programs: cmake ninja cc1 ctest
# normalise: times order
. "$REAL/common.sh"
cd tmp
for i in {1..24}; do echo "int f$i(int x) { return x * $i + 1; }" > "f$i.c"; done
{ for i in {1..24}; do echo "int f$i(int);"; done; echo '#include <stdio.h>'; echo 'int main(void) { int s = 0;'; for i in {1..24}; do echo "s += f$i(s);"; done; echo 'printf("%d\n", s); return s % 7; }'; } > main.c
cat > CMakeLists.txt <<'C'
cmake_minimum_required(VERSION 3.18)
project(p C)
enable_testing()
file(GLOB all f*.c)
foreach(i RANGE 1 3)
  add_library(l${i} STATIC)
endforeach()
foreach(f IN LISTS all)
  get_filename_component(name ${f} NAME)
  string(REGEX MATCH "[0-9]+" n ${name})
  math(EXPR k "${n} % 3 + 1")
  target_sources(l${k} PRIVATE ${f})
endforeach()
add_executable(p main.c)
target_link_libraries(p l1 l2 l3)
add_custom_command(OUTPUT g.txt COMMAND p > g.txt || true VERBATIM)
add_custom_target(g ALL DEPENDS g.txt)
add_test(NAME t COMMAND ${CMAKE_COMMAND} -E echo tested)
set(list)
foreach(i RANGE 3000)
  list(APPEND list "item${i}")
endforeach()
list(SORT list)
string(MD5 sum "${list}")
message(STATUS "sum ${sum}")
C
cmake -G Ninja -B b . | grep sum; ninja -C b -j2 | sed '/Entering/d; s/^\[[0-9]*/[n/'; cat b/g.txt; touch f7.c; echo 'int unused;' >> f7.c; ninja -C b -j2 | tail -n 1; (cd b && ctest | grep -E 'tests? |Passed'); ninja -C b -t clean; ninja -C b -n | wc -l
