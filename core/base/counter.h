// Counters with one writer and any number of readers.
// A plain 64-bit store is atomic on x86-64, and `counter += n` compiles to one instruction, which
// no spelling of std::atomic does; ThreadSanitizer builds use the atomic spelling. Layer:
// core/base.
#pragma once

#include "core/base/types.h"

namespace heaptag {

inline void bump(uint64_t& counter, uint64_t by = 1) {
#ifdef __SANITIZE_THREAD__
  __atomic_store_n(&counter, __atomic_load_n(&counter, __ATOMIC_RELAXED) + by, __ATOMIC_RELAXED);
#else
  counter += by;
#endif
}

template <typename T>
inline T read_relaxed(const T& value) {
  return __atomic_load_n(&value, __ATOMIC_RELAXED);
}

template <typename T>
inline void write_relaxed(T& value, T to) {
  __atomic_store_n(&value, to, __ATOMIC_RELAXED);
}

}  // namespace heaptag
