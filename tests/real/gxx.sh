#!/bin/bash
# g++: five files of templates, two at a time, linked, run; a static library; an error
# packages: g++ make binutils
# programs: make cc1plus x86_64-linux-gnu-ar
# status: 1
# slow
. "$REAL/common.sh"
for i in {1..4}; do
  cat > "f$i.cc" <<CC
#include <algorithm>
#include <map>
#include <string>
#include <vector>
template <int N> struct Sum { static constexpr long value = N + Sum<N - 1>::value; };
template <> struct Sum<0> { static constexpr long value = $i; };
long f$i(const std::vector<int>& v) {
  std::map<std::string, std::vector<int>> m;
  for (int x : v) m[std::to_string(x % $i)].push_back(x);
  long s = Sum<$((i * 20))>::value;
  for (auto& [k, w] : m) { std::sort(w.rbegin(), w.rend()); s += k.size() * w.front(); }
  return s;
}
CC
done
{ echo '#include <vector>'; echo '#include <cstdio>'; for i in {1..4}; do echo "long f$i(const std::vector<int>&);"; done
  echo 'int main() { std::vector<int> v; for (int i = 0; i < 1000; i++) v.push_back(i * 7919 % 1009);'
  for i in {1..4}; do echo "std::printf(\"%ld\n\", f$i(v));"; done; echo '}'; } > main.cc
printf 'prog: main.o libf.a\n\t@g++ -o $@ main.o -L. -lf\nlibf.a: f1.o f2.o f3.o f4.o\n\t@ar rcsD $@ $^\n%%.o: %%.cc\n\t@g++ -std=c++20 -O1 -g0 -frandom-seed=1 -c -o $@ $<\n' > Makefile
make -j2
./prog
cp -- *.o libf.a prog out
nm -C libf.a | grep -c ' [TW] '
echo 'int main() { std::vector<int> v = 1; }' | cat f1.cc - > broken.cc
g++ -std=c++20 -c broken.cc -o out/broken.o
