// After the simplest loop of every allocator paper: malloc and free of one small block,
// alternating. Stresses the length of the two fast paths and nothing else; one call site, one size,
// all in cache.
#include "bench/micro/micro.h"

int main(int argc, char** argv) {
  const uint64_t pairs = bench::work(argc, argv, 200'000'000, 100'000);
  uint64_t sum = 0;
  for (uint64_t i = 0; i < pairs; ++i) {
    auto* block = static_cast<uint8_t*>(std::malloc(64));
    if (block == nullptr) {
      bench::fail("malloc failed");
    }
    *block = static_cast<uint8_t>(i);
    bench::keep(block);
    sum += *block;
    std::free(block);
  }
  return bench::finish("pair", pairs, sum);
}
