// After cache-scratch (Berger et al., "Hoard", ASPLOS 2000). Stresses passive false sharing: one
// thread allocates neighbours and gives one to each of the others, who free it and allocate again.
// An allocator that hands a freed block to whoever freed it keeps them in one cache line for good.
#include "bench/micro/scribble.h"

int main(int argc, char** argv) {
  const auto [threads, blocks] = bench::threaded_work(argc, argv, 1'800'000, 400);
  const uint64_t share = blocks / threads;
  bench::Tally tallies[bench::kMaxThreads];
  void* gifts[bench::kMaxThreads];
  for (uint32_t i = 0; i < threads; ++i) {
    gifts[i] = bench::must_malloc(bench::kScribbledSize);
  }
  bench::in_threads(threads, [&](uint32_t i) {
    const uint64_t first = bench::scribble(gifts[i], i);
    std::free(gifts[i]);
    tallies[i].sum = first + bench::scribble_on_blocks(share);
  });
  uint64_t sum = 0;
  for (const bench::Tally& tally : tallies) {
    sum += tally.sum;
  }
  return bench::finish("cache-scratch", share * threads, sum);
}
