// After sh8bench (MicroQuill, shipped with SmartHeap): sh6bench with threads. Each frees half of
// its batch last in, first out, and leaves the other half at a random place, where another thread
// will find it and free it in the order of allocation. Stresses whole runs of blocks that come back
// to their thread at once, and small blocks beside large ones.
#include "bench/micro/threads.h"

namespace {

constexpr uint32_t kLargest = 1'000;
constexpr uint32_t kBatch = 1'000;
constexpr uint32_t kPlaces = 16;

std::atomic<bench::Parcel*> places[kPlaces];

// Two chains: one in the order of allocation, one in reverse.
struct Halves {
  bench::Parcel* oldest_first;
  bench::Parcel* newest_first;
};

Halves make_batch(bench::Rng& rng) {
  Halves halves = {nullptr, nullptr};
  bench::Parcel** end = &halves.oldest_first;
  for (uint32_t made = 0; made < kBatch;) {
    const uint32_t size = 1 + rng.below(1 + rng.below(kLargest));
    for (uint32_t run = 1 + rng.below(16); run > 0 && made < kBatch; --run, ++made) {
      bench::Parcel* parcel = bench::make_parcel(size, rng.next());
      if (made % 2 == 0) {
        *end = parcel;
        end = &parcel->next;
      } else {
        parcel->next = halves.newest_first;
        halves.newest_first = parcel;
      }
    }
  }
  return halves;
}

uint64_t live(uint64_t seed, uint64_t rounds) {
  bench::Rng rng(seed);
  uint64_t sum = 0;
  for (uint64_t round = 0; round < rounds; ++round) {
    const Halves halves = make_batch(rng);
    sum += bench::open_chain(halves.newest_first);
    auto& place = places[rng.below(kPlaces)];
    sum += bench::open_chain(place.exchange(halves.oldest_first, std::memory_order_acq_rel));
  }
  return sum;
}

}  // namespace

int main(int argc, char** argv) {
  const auto [threads, rounds] = bench::threaded_work(argc, argv, 36'000, 80);
  const uint64_t share = rounds / threads;
  bench::Tally tallies[bench::kMaxThreads];
  bench::in_threads(threads, [&](uint32_t i) { tallies[i].sum = live(80 + i, share); });
  uint64_t sum = 0;
  for (const bench::Tally& tally : tallies) {
    sum += tally.sum;
  }
  for (auto& place : places) {
    sum += bench::open_chain(place.exchange(nullptr));
  }
  return bench::finish("sh8bench", share * threads * kBatch, sum);
}
