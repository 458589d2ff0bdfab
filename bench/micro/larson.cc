// After Larson and Krishnan, "Memory allocation for long-running server applications" (ISMM 1998).
// Stresses a server's pattern: each thread replaces random blocks, then ends and leaves them all to
// a successor. Slot arrays change sides at every step, so blocks are freed by threads that did not
// allocate them, while both threads run. Fixed work (the original counts operations per second).
#include <pthread.h>

#include "bench/micro/micro.h"

namespace {

constexpr int kThreads = 2;
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

Hall halls[kThreads];
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

void* serve(void* argument) {
  Hall& own = *static_cast<Hall*>(argument);
  Hall& other = halls[(&own - halls + 1) % kThreads];
  for (uint32_t i = 0; i < kReplacements / 2; ++i) {
    replace(own.slots[own.rng.below(kSlots)], own.rng, own.check);
  }
  // Both threads live on while each works on the blocks of the other.
  pthread_barrier_wait(&hand_over);
  for (uint32_t i = 0; i < kReplacements / 2; ++i) {
    replace(other.slots[own.rng.below(kSlots)], own.rng, own.check);
  }
  return nullptr;
}

}  // namespace

int main(int argc, char** argv) {
  const uint64_t generations = bench::work(argc, argv, 240, 1);
  pthread_barrier_init(&hand_over, nullptr, kThreads);
  for (int i = 0; i < kThreads; ++i) {
    halls[i].rng = bench::Rng(100 + static_cast<uint64_t>(i));
  }
  for (uint64_t generation = 0; generation < generations; ++generation) {
    pthread_t threads[kThreads];
    for (int i = 0; i < kThreads; ++i) {
      if (pthread_create(&threads[i], nullptr, serve, &halls[i]) != 0) {
        bench::fail("pthread_create failed");
      }
    }
    for (pthread_t thread : threads) {
      pthread_join(thread, nullptr);
    }
  }
  uint64_t check = 0;
  for (Hall& hall : halls) {
    check ^= hall.check.value();
    for (Slot& slot : hall.slots) {
      std::free(slot.block);
    }
  }
  return bench::finish("larson", generations * kThreads * kReplacements, check);
}
