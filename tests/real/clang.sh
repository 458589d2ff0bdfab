#!/bin/bash
# clang: templates at -O2, linked by itself, its static analysis, an error
# packages: clang
# programs: clang
# status: 1
# long
. "$REAL/common.sh"
cat > tmp/a.cc <<'C'
#include <algorithm>
#include <iostream>
#include <map>
#include <regex>
#include <string>
#include <vector>
int main() { std::map<std::string, std::vector<int>> m; for (int i = 0; i < 1000; i++) m[std::to_string(i % 17)].push_back(i * 7919 % 1009);
  long s = 0; for (auto& [k, v] : m) { std::sort(v.begin(), v.end()); if (std::regex_match(k, std::regex("1[0-5]*"))) s += v[3]; } std::cout << s << "\n"; }
C
clang++ -std=c++20 -O2 -c tmp/a.cc -o out/a.o; clang++ out/a.o -o tmp/a; tmp/a; clang++ -std=c++20 -O1 -S -emit-llvm tmp/a.cc -o - | sha256sum
printf 'int f(int* p) { if (!p) return *p; int x; return x; }\n' > tmp/b.c; clang --analyze -Xclang -analyzer-output=text tmp/b.c -o tmp/b.plist; echo 'int main() { return undeclared; }' > tmp/c.cc; clang++ -c tmp/c.cc -o tmp/c.o
