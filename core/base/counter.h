// Words with one writer and any number of readers.
// A plain 64-bit load or store is atomic on x86-64, and so is, for a signal handler and for
// readers, an addition to memory in one instruction, which no spelling of std::atomic gives;
// ThreadSanitizer builds use the atomic spelling. Layer: core/base.
#pragma once

#include <type_traits>

#include "core/base/types.h"

namespace heaptag {

template <typename T>
inline T read_relaxed(const T& value) {
  T copy;
  __atomic_load(&value, &copy, __ATOMIC_RELAXED);
  return copy;
}

template <typename T>
inline void write_relaxed(T& value, std::type_identity_t<T> to) {
  __atomic_store(&value, &to, __ATOMIC_RELAXED);
}

/// In one instruction, and in the order of the source, for those who interrupt or read meanwhile.
template <typename T>
inline void bump(T& counter, std::type_identity_t<T> by = 1) {
#ifdef __SANITIZE_THREAD__
  write_relaxed(counter, read_relaxed(counter) + by);
#else
  if constexpr (sizeof(T) == sizeof(uint64_t)) {
    __asm__ volatile("addq %1, %0" : "+m"(counter) : "er"(by) : "cc");
  } else {
    counter += by;
  }
#endif
}

template <typename T>
inline void drop(T& counter, std::type_identity_t<T> by) {
#ifdef __SANITIZE_THREAD__
  write_relaxed(counter, read_relaxed(counter) - by);
#else
  static_assert(sizeof(T) == sizeof(uint64_t));
  __asm__ volatile("subq %1, %0" : "+m"(counter) : "er"(by) : "cc");
#endif
}

/// read_relaxed on a fast path: a plain load may be an operand of the instruction that needs it.
template <typename T>
inline T read_operand(const T& value) {
#ifdef __SANITIZE_THREAD__
  return read_relaxed(value);
#else
  return value;
#endif
}

/// Makes a record of whole words zero while others may read them.
template <typename T>
inline void clear_words(T* record) {
#ifdef __SANITIZE_THREAD__
  static_assert(sizeof(T) % sizeof(uint64_t) == 0);
  for (size_t i = 0; i < sizeof(T) / sizeof(uint64_t); ++i) {
    write_relaxed(reinterpret_cast<uint64_t*>(record)[i], 0);
  }
#else
  *record = T{};
#endif
}

/// A value that one thread at a time writes, and others may look at meanwhile.
template <typename T>
class Watched {
 public:
  Watched() = default;

  operator T() const { return read_relaxed(value_); }

  Watched& operator=(T to) {
    write_relaxed(value_, to);
    return *this;
  }

 private:
  T value_;
};

}  // namespace heaptag
