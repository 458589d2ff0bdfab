// Our own, after interpreters and programs with an xmalloc: one place in the code that asks for
// every size. Stresses what accounting per call site may cost when the site says nothing about the
// size: all size classes have one owner, and what was requested must be kept for each block.
#include "bench/micro/micro.h"

namespace {

constexpr uint32_t kSlots = 12'000;
constexpr uint32_t kLargest = 1'024;  // each size up to here equally often
constexpr uint32_t kRare = 64;        // one in so many is larger, up to 64 KiB

struct Slot {
  void* block;
  uint32_t size;
};

Slot slots[kSlots];

// The one place; a call in tail position would be a jump that leaves the caller's return address.
__attribute__((noinline)) void* allocate(std::size_t size) {
  void* block = std::malloc(size);
  if (block == nullptr) {
    bench::fail("malloc failed");
  }
  return block;
}

}  // namespace

int main(int argc, char** argv) {
  const uint64_t operations = bench::work(argc, argv, 24'000'000, 50'000);
  bench::Rng rng(17);
  bench::Check check;
  for (uint64_t i = 0; i < operations; ++i) {
    Slot& slot = slots[rng.below(kSlots)];
    if (slot.block != nullptr) {
      check.add(bench::check_stamp(slot.block, slot.size));
      std::free(slot.block);
    }
    slot.size = rng.below(kRare) == 0 ? rng.power_law(kLargest, 6) : 1 + rng.below(kLargest);
    slot.block = allocate(slot.size);
    bench::stamp(slot.block, slot.size, static_cast<uint8_t>(i));
  }
  for (Slot& slot : slots) {
    std::free(slot.block);
  }
  return bench::finish("onesite", operations, check.value());
}
