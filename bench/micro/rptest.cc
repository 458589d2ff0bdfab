// After rptest (the benchmark of rpmalloc) and alloc-test (OLogN Technologies) with threads: random
// sizes and random lifetimes, sizes by a power law. Stresses size classes and free lists in random
// order in several threads at once, with one block in eight freed by the neighbouring thread.
#include "bench/micro/threads.h"

namespace {

constexpr uint32_t kSlots = 6'000;  // per thread
constexpr uint32_t kSmallest = 16;
constexpr uint32_t kOctaves = 11;  // 16 B to 32 KiB

struct alignas(128) Room {
  // Written by the neighbour, who frees what was not fetched in time: at most one waits here.
  std::atomic<bench::Parcel*> letter;
  bench::Parcel* slots[kSlots];
};

Room rooms[bench::kMaxThreads];

uint64_t live(Room& own, Room& neighbour, uint64_t seed, uint64_t operations) {
  bench::Rng rng(seed);
  uint64_t sum = 0;
  for (uint64_t i = 0; i < operations; ++i) {
    bench::Parcel*& slot = own.slots[rng.below(kSlots)];
    const uint64_t bits = rng.next();
    if (bits % 8 == 0) {
      sum += bench::open_parcel(neighbour.letter.exchange(slot, std::memory_order_acq_rel));
      sum += bench::open_parcel(own.letter.exchange(nullptr, std::memory_order_acq_rel));
    } else {
      sum += bench::open_parcel(slot);
    }
    slot = bench::make_parcel(rng.power_law(kSmallest, kOctaves), bits);
  }
  return sum;
}

}  // namespace

int main(int argc, char** argv) {
  const auto [threads, operations] = bench::threaded_work(argc, argv, 48'000'000, 20'000);
  const uint32_t count = threads;
  const uint64_t share = operations / count;
  bench::Tally tallies[bench::kMaxThreads];
  bench::in_threads(count, [&](uint32_t i) {
    tallies[i].sum = live(rooms[i], rooms[(i + 1) % count], 50 + i, share);
  });
  uint64_t sum = 0;
  for (const bench::Tally& tally : tallies) {
    sum += tally.sum;
  }
  for (Room& room : rooms) {
    sum += bench::open_parcel(room.letter.load());
    for (bench::Parcel* parcel : room.slots) {
      sum += bench::open_parcel(parcel);
    }
  }
  return bench::finish("rptest", share * count, sum);
}
