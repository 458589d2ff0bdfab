// After mstress (the stress test of mimalloc): a server with requests of all sizes. Stresses
// mixed lifetimes (some blocks die at once, some with their thread, some much later), mixed sizes
// with a few large ones, blocks that migrate between threads, and threads that end in between.
#include "bench/micro/threads.h"

namespace {

constexpr uint32_t kHall = 1'000;   // blocks that wait for any thread
constexpr uint32_t kOwn = 1'000;    // what a thread holds at a time
constexpr uint32_t kSteps = 4'000;  // of one thread's life
constexpr uint32_t kReopened = 8;   // generations until the hall is emptied by half

std::atomic<bench::Parcel*> hall[kHall];

uint32_t draw_size(bench::Rng& rng) {
  if (rng.below(2'000) == 0) {
    return rng.power_law(32 * 1024, 4);
  }
  return rng.power_law(16, 9);
}

uint64_t live(uint64_t seed) {
  bench::Rng rng(seed);
  uint64_t sum = 0;
  bench::Parcel* kept = nullptr;
  auto** own = static_cast<bench::Parcel**>(std::calloc(kOwn, sizeof(bench::Parcel*)));
  if (own == nullptr) {
    bench::fail("calloc failed");
  }
  for (uint32_t step = 0; step < kSteps; ++step) {
    bench::Parcel* parcel = bench::make_parcel(draw_size(rng), rng.next());
    const uint32_t what = rng.below(16);
    const uint32_t where = rng.below(kOwn);
    if (what == 0) {
      parcel->next = kept;
      kept = parcel;
    } else if (what < 5) {
      // What another thread has left there is held and freed by this one.
      sum += bench::open_parcel(own[where]);
      own[where] = hall[rng.below(kHall)].exchange(parcel, std::memory_order_acq_rel);
    } else {
      sum += bench::open_parcel(own[where]);
      own[where] = parcel;
    }
  }
  for (uint32_t i = 0; i < kOwn; ++i) {
    sum += bench::open_parcel(own[i]);
  }
  std::free(own);
  return sum + bench::open_chain(kept);
}

}  // namespace

int main(int argc, char** argv) {
  const auto [threads, lives] = bench::threaded_work(argc, argv, 4'000, 8);
  const uint32_t count = threads;
  const uint64_t generations = lives / count;
  uint64_t sum = 0;
  for (uint64_t generation = 0; generation < generations; ++generation) {
    bench::Tally tallies[bench::kMaxThreads];
    bench::in_threads(count, [&](uint32_t i) { tallies[i].sum = live(generation * count + i); });
    for (const bench::Tally& tally : tallies) {
      sum += tally.sum;
    }
    if (generation % kReopened == 0) {
      for (uint32_t i = 0; i < kHall; i += 2) {
        sum += bench::open_parcel(hall[i].exchange(nullptr));
      }
    }
  }
  for (auto& place : hall) {
    sum += bench::open_parcel(place.exchange(nullptr));
  }
  return bench::finish("mstress", generations * count * kSteps, sum);
}
