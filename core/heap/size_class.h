// Size classes: every 16 bytes up to 256, then eight to a doubling (at most 12.5 % rounding) up to
// 32 KiB. Layer: core/heap.  Exhaustively tested both ways in tests/unit/heap/size_class_test.cc.
#pragma once

#include <array>

#include "core/base/types.h"
#include "core/base/units.h"

namespace heaptag::heap {

inline constexpr size_t kLargestClassBytes = 32 * kKiB;
inline constexpr unsigned kClassCount = 72;
inline constexpr unsigned kLinearClasses = 16;
inline constexpr size_t kSpanPageBytes = 4096;

/// Class and exactness in one number, below kSelectorCount: selector / 2 is the class + 1 (0 for no
/// bytes), and sizes that fill their class to the byte are odd, because a site often asks for both
/// kinds (24 and 32, say).
constexpr unsigned compute_selector(size_t size_bytes) {
  if (size_bytes <= 256) {
    return static_cast<unsigned>((size_bytes + 15) >> 4) * 2 + ((size_bytes & 15) == 0 ? 1 : 0);
  }
  const unsigned shift = log2_floor(size_bytes - 1) - 3;
  const size_t step = (size_bytes - 1) >> shift;  // 8 to 15
  return (kLinearClasses + 1 - 8 + (shift - 5) * 8 + static_cast<unsigned>(step)) * 2 +
         (((step + 1) << shift) == size_bytes ? 1 : 0);
}

inline constexpr size_t kTabledBytes = 1024;

constexpr std::array<uint8_t, kTabledBytes + 1> make_selector_table() {
  std::array<uint8_t, kTabledBytes + 1> table{};
  for (size_t size = 0; size <= kTabledBytes; ++size) {
    table[size] = static_cast<uint8_t>(compute_selector(size));
  }
  return table;
}

inline constexpr std::array<uint8_t, kTabledBytes + 1> kSelectors = make_selector_table();

/// compute_selector, from a table for the sizes that programs ask for most: no branch that random
/// sizes mispredict.
constexpr unsigned selector_of(size_t size_bytes) {
  return likely(size_bytes <= kTabledBytes) ? kSelectors[size_bytes] : compute_selector(size_bytes);
}

constexpr unsigned class_of_selector(unsigned selector) {
  return selector < 2 ? 0 : selector / 2 - 1;
}

/// Do its requests fill their blocks to the byte?
constexpr bool is_exact(unsigned selector) {
  return (selector & 1) != 0;
}

/// The smallest class that holds `size_bytes` (0 is held by the smallest). Pre: <=
/// kLargestClassBytes.
constexpr unsigned class_of(size_t size_bytes) {
  return class_of_selector(selector_of(size_bytes));
}

inline constexpr unsigned kSelectorCount = (kClassCount + 1) * 2;

constexpr uint32_t class_bytes(unsigned size_class) {
  if (size_class < kLinearClasses) {
    return (size_class + 1) * 16;
  }
  const unsigned step = size_class - kLinearClasses;
  return (9 + step % 8) << (step / 8 + 5);
}

/// The most that a request of this class leaves of its block, a power of two less one.
constexpr uint32_t most_slack(unsigned size_class) {
  return class_bytes(size_class) - (size_class == 0 ? 0 : class_bytes(size_class - 1)) - 1;
}

/// The requests that share a selector: all sizes from `least` to `most`.
struct SizeRange {
  size_t least;
  size_t most;
};

constexpr SizeRange sizes_of_selector(unsigned selector) {
  if (selector < 2) {
    return {0, 0};
  }
  const unsigned size_class = class_of_selector(selector);
  const size_t most = class_bytes(size_class);
  if (is_exact(selector)) {
    return {most, most};
  }
  return {size_class == 0 ? 1 : size_t{class_bytes(size_class - 1)} + 1, most - 1};
}

struct ClassInfo {
  uint32_t block_bytes;
  uint32_t inverse;     // ceil(2^32 / block_bytes): index = offset * inverse >> 32
  uint32_t base_pages;  // of the first span of a bin
};

/// Pages of the smallest span that wastes at most 1/16 at its end and holds a few blocks.
constexpr uint32_t smallest_span_pages(uint32_t block_bytes) {
  for (uint32_t pages = 1;; ++pages) {
    const uint32_t bytes = pages * kSpanPageBytes;
    const uint32_t blocks = bytes / block_bytes;
    const uint32_t least = block_bytes <= 1024 ? 4 : block_bytes <= 8192 ? 3 : 2;
    if (blocks >= least && (bytes - blocks * block_bytes) * 16 <= bytes) {
      return pages;
    }
  }
}

constexpr std::array<ClassInfo, kClassCount> make_class_table() {
  std::array<ClassInfo, kClassCount> table{};
  for (unsigned i = 0; i < kClassCount; ++i) {
    const uint32_t bytes = class_bytes(i);
    table[i] = {bytes, static_cast<uint32_t>(((uint64_t{1} << 32) + bytes - 1) / bytes),
                smallest_span_pages(bytes)};
  }
  return table;
}

inline constexpr std::array<ClassInfo, kClassCount> kClasses = make_class_table();

/// Pages of the next span of a class for somebody who has so many: an eighth or so of what they
/// hold together, within base_pages and 64 KiB.
constexpr uint32_t next_span_pages(unsigned size_class, uint32_t span_count) {
  constexpr uint32_t kMostPages = 16;
  uint32_t pages = kClasses[size_class].base_pages;
  for (; span_count >= 4 && pages * 2 <= kMostPages; span_count /= 2) {
    pages *= 2;
  }
  return pages;
}

static_assert(class_bytes(kClassCount - 1) == kLargestClassBytes);
static_assert(class_of(kLargestClassBytes) == kClassCount - 1);
static_assert(selector_of(kLargestClassBytes) == kSelectorCount - 1);

/// The exact index of a block in its span: blocks begin at multiples of the class's size.
/// Pre: offset_bytes * block_bytes < 2^32, which every span keeps.
constexpr uint32_t block_index(uint32_t offset_bytes, uint32_t inverse) {
  return static_cast<uint32_t>((uint64_t{offset_bytes} * inverse) >> 32);
}

}  // namespace heaptag::heap
