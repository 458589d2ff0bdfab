// After cache-thrash (Berger et al., "Hoard", ASPLOS 2000). Stresses active false sharing: threads
// that allocate at the same time and write to what they got. An allocator that cuts one cache line
// into blocks for two threads makes every write wait for the other processor.
#include "bench/micro/scribble.h"

int main(int argc, char** argv) {
  const auto [threads, blocks] = bench::threaded_work(argc, argv, 1'800'000, 400);
  const uint64_t share = blocks / threads;
  bench::Tally tallies[bench::kMaxThreads];
  bench::in_threads(threads,
                    [&](uint32_t i) { tallies[i].sum = bench::scribble_on_blocks(share); });
  uint64_t sum = 0;
  for (const bench::Tally& tally : tallies) {
    sum += tally.sum;
  }
  return bench::finish("cache-thrash", share * threads, sum);
}
