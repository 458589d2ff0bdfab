// Units and alignment arithmetic.
// Layer: core/base.
#pragma once

#include "core/base/types.h"

namespace heaptag {

inline constexpr size_t kKiB = 1024;
inline constexpr size_t kMiB = 1024 * kKiB;
inline constexpr size_t kGiB = 1024 * kMiB;

/// `alignment` is a power of two. The caller has checked that the sum cannot overflow.
constexpr size_t align_up(size_t value, size_t alignment) {
  return (value + alignment - 1) & ~(alignment - 1);
}

constexpr bool is_power_of_two(size_t value) {
  return value != 0 && (value & (value - 1)) == 0;
}

/// floor(log2(value)); value is not 0.
constexpr unsigned log2_floor(size_t value) {
  return 63U - static_cast<unsigned>(__builtin_clzl(value));
}

constexpr bool likely(bool condition) {
  return __builtin_expect(condition, true);
}

constexpr bool unlikely(bool condition) {
  return __builtin_expect(condition, false);
}

}  // namespace heaptag
