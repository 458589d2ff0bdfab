// After mleak (Schneider, of the mimalloc benchmarks): thousands of threads, THREADS at a time,
// that allocate a little and end. Stresses the birth and death of a thread's caches, and whether
// what a dead thread held is found again: an allocator that forgets it shows in the peak. Some
// blocks outlive their thread, one is freed by a destructor while the thread ends.
#include "bench/micro/threads.h"

namespace {

constexpr uint32_t kBlocks = 200;  // per life
constexpr uint32_t kLeftBehind = 8;

pthread_key_t last_will;
bench::Parcel* left[bench::kMaxThreads];  // by the thread before, freed by the next one

uint64_t live(uint64_t seed, bench::Parcel*& inheritance) {
  bench::Rng rng(seed);
  pthread_setspecific(last_will, bench::make_parcel(rng.power_law(64, 4), rng.next()));
  bench::Parcel* held = nullptr;
  bench::Parcel* leave = nullptr;
  for (uint32_t i = 0; i < kBlocks; ++i) {
    bench::Parcel* parcel = bench::make_parcel(rng.power_law(16, 10), rng.next());
    bench::Parcel*& chain = i % (kBlocks / kLeftBehind) == 0 ? leave : held;
    parcel->next = chain;
    chain = parcel;
  }
  const uint64_t sum = bench::open_chain(held) + bench::open_chain(inheritance);
  inheritance = leave;
  return sum;
}

void execute(void* will) {
  bench::open_parcel(static_cast<bench::Parcel*>(will));
}

}  // namespace

int main(int argc, char** argv) {
  const auto [threads, lives] = bench::threaded_work(argc, argv, 20'000, 16);
  const uint32_t count = threads;
  const uint64_t generations = lives / count;
  pthread_key_create(&last_will, execute);
  uint64_t sum = 0;
  for (uint64_t generation = 0; generation < generations; ++generation) {
    bench::Tally tallies[bench::kMaxThreads];
    bench::in_threads(count,
                      [&](uint32_t i) { tallies[i].sum = live(generation * count + i, left[i]); });
    for (const bench::Tally& tally : tallies) {
      sum += tally.sum;
    }
  }
  for (bench::Parcel* chain : left) {
    sum += bench::open_chain(chain);
  }
  return bench::finish("mleak", generations * count * (kBlocks + 1), sum);
}
