// After malloc-large (mimalloc-bench) and the growing buffers of parsers, compilers and databases.
// Stresses blocks beyond the size classes: how address space is found again, when memory goes back
// to the system (page faults), and whether realloc grows in place or copies.
#include "bench/micro/micro.h"

namespace {

constexpr uint32_t kSlots = 32;
constexpr uint32_t kSmallest = 32 * 1024;
constexpr uint32_t kOctaves = 8;  // to 8 MiB
constexpr std::size_t kPage = 4096;

struct Slot {
  uint8_t* block;
  std::size_t size;
};

Slot slots[kSlots];

void touch(uint8_t* block, std::size_t from, std::size_t to, uint8_t mark) {
  for (std::size_t at = from; at < to; at += kPage) {
    block[at] = mark;
  }
}

// A buffer that grows by half each time, as vectors and string builders do, from 1 KiB to 1.5 MiB.
uint64_t grow(uint8_t mark) {
  constexpr std::size_t kLimit = 1024 * 1024;
  std::size_t size = 1024;
  auto* buffer = static_cast<uint8_t*>(bench::must_malloc(size));
  touch(buffer, 0, size, mark);
  while (size < kLimit) {
    const std::size_t bigger = size + size / 2;
    auto* moved = static_cast<uint8_t*>(std::realloc(buffer, bigger));
    if (moved == nullptr) {
      bench::fail("realloc failed");
    }
    buffer = moved;
    touch(buffer, size, bigger, mark);
    if (buffer[0] != mark) {
      bench::fail("realloc lost the contents");
    }
    size = bigger;
  }
  const uint64_t seen = buffer[0] + size;
  std::free(buffer);
  return seen;
}

}  // namespace

int main(int argc, char** argv) {
  const uint64_t operations = bench::work(argc, argv, 120'000, 200);
  bench::Rng rng(5);
  bench::Check check;
  for (uint64_t i = 0; i < operations; ++i) {
    Slot& slot = slots[rng.below(kSlots)];
    if (slot.block != nullptr) {
      check.add(bench::check_stamp(slot.block, slot.size));
      std::free(slot.block);
    }
    slot.size = rng.power_law(kSmallest, kOctaves);
    slot.block = static_cast<uint8_t*>(bench::must_malloc(slot.size));
    const auto mark = static_cast<uint8_t>(i);
    touch(slot.block, 0, slot.size, mark);
    bench::stamp(slot.block, slot.size, mark);
    if (i % 8 == 0) {
      check.add(grow(mark));
    }
  }
  for (Slot& slot : slots) {
    std::free(slot.block);
  }
  return bench::finish("large", operations, check.value());
}
