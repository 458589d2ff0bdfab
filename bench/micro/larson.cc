// After Larson and Krishnan, "Memory allocation for long-running server applications" (ISMM 1998).
// Stresses a server's pattern: each thread replaces random blocks, then ends and leaves them all to
// a successor. Slot arrays change sides at every step, so blocks are freed by threads that did not
// allocate them, while all threads run. Fixed work (the original counts operations per second).
#include "bench/micro/threads.h"

namespace {

constexpr uint32_t kSlots = 5'000;
constexpr uint32_t kReplacements = 100'000;  // by each thread before it hands over
constexpr uint32_t kMinSize = 8;
constexpr uint32_t kMaxSize = 1'000;

struct Slot {
  void* block;
  uint32_t size;
};

struct Hall {
  Slot slots[kSlots];
  bench::Rng rng{0};
  bench::Check check;
};

Hall halls[bench::kMaxThreads];
pthread_barrier_t hand_over;

void replace(Slot& slot, bench::Rng& rng, bench::Check& check) {
  if (slot.block != nullptr) {
    check.add(bench::check_stamp(slot.block, slot.size));
    std::free(slot.block);
  }
  slot.size = kMinSize + rng.below(kMaxSize - kMinSize);
  slot.block = bench::must_malloc(slot.size);
  bench::stamp(slot.block, slot.size, static_cast<uint8_t>(rng.next()));
}

void serve(Hall& own, Hall& other) {
  for (uint32_t i = 0; i < kReplacements / 2; ++i) {
    replace(own.slots[own.rng.below(kSlots)], own.rng, own.check);
  }
  // All threads live on while each works on the blocks of its neighbour.
  pthread_barrier_wait(&hand_over);
  for (uint32_t i = 0; i < kReplacements / 2; ++i) {
    replace(other.slots[own.rng.below(kSlots)], own.rng, own.check);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const auto [threads, lives] = bench::threaded_work(argc, argv, 480, 4);
  const uint32_t count = threads;
  pthread_barrier_init(&hand_over, nullptr, count);
  for (uint32_t i = 0; i < count; ++i) {
    halls[i].rng = bench::Rng(100 + i);
  }
  const uint64_t generations = lives / count + (lives < count ? 1 : 0);
  for (uint64_t generation = 0; generation < generations; ++generation) {
    bench::in_threads(count, [&](uint32_t i) { serve(halls[i], halls[(i + 1) % count]); });
  }
  uint64_t check = 0;
  for (Hall& hall : halls) {
    check ^= hall.check.value();
    for (Slot& slot : hall.slots) {
      std::free(slot.block);
    }
  }
  return bench::finish("larson", generations * count * kReplacements, check);
}
