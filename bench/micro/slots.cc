// After alloc-test (OLogN Technologies) and rptest (rpmalloc): random lifetimes and power-law
// sizes. Stresses size classes, free lists in random order and cache misses; a stable heap of
// 10,000 blocks.
#include "bench/micro/micro.h"

namespace {

constexpr uint32_t kSlots = 10'000;
constexpr uint32_t kSmallest = 16;
constexpr uint32_t kOctaves = 12;  // 16 B to 64 KiB, mean about 160 B

struct Slot {
  void* block;
  uint32_t size;
};

Slot slots[kSlots];

}  // namespace

int main(int argc, char** argv) {
  const uint64_t operations = bench::work(argc, argv, 75'000'000, 50'000);
  bench::Rng rng(1);
  bench::Check check;
  for (uint64_t i = 0; i < operations; ++i) {
    Slot& slot = slots[rng.below(kSlots)];
    if (slot.block != nullptr) {
      check.add(bench::check_stamp(slot.block, slot.size));
      std::free(slot.block);
    }
    slot.size = rng.power_law(kSmallest, kOctaves);
    slot.block = bench::must_malloc(slot.size);
    bench::stamp(slot.block, slot.size, static_cast<uint8_t>(i));
  }
  for (Slot& slot : slots) {
    std::free(slot.block);
  }
  return bench::finish("slots", operations, check.value());
}
