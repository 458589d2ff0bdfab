// What the two workloads about false sharing do alike: write to a small block again and again. It
// is cheap as long as no other thread writes to the same cache line.
#pragma once

#include "bench/micro/threads.h"

namespace bench {

constexpr uint32_t kScribbledSize = 8;
constexpr uint32_t kWrites = 1'000;  // per block, as in the originals

/// Returns: what the block holds at the end.
inline uint64_t scribble(void* block, uint32_t mark) {
  volatile auto* bytes = static_cast<volatile uint8_t*>(block);
  for (uint32_t at = 0; at < kScribbledSize; ++at) {
    bytes[at] = static_cast<uint8_t>(mark);
  }
  for (uint32_t i = 0; i < kWrites; ++i) {
    bytes[i % kScribbledSize] = static_cast<uint8_t>(bytes[i % kScribbledSize] + 1);
  }
  uint64_t sum = 0;
  for (uint32_t at = 0; at < kScribbledSize; ++at) {
    sum += bytes[at];
  }
  return sum;
}

/// `rounds` blocks one after the other, each scribbled upon.
inline uint64_t scribble_on_blocks(uint64_t rounds) {
  uint64_t sum = 0;
  for (uint64_t i = 0; i < rounds; ++i) {
    void* block = must_malloc(kScribbledSize);
    sum += scribble(block, static_cast<uint32_t>(i));
    std::free(block);
  }
  return sum;
}

}  // namespace bench
