// Memory for heaptag's own structures: never from the user heap, never given back piecemeal.
// Layer: core/meta.  Locks: one of its own, innermost.  Returns zeroed memory; null when the kernel
// refuses.
#pragma once

#include <string_view>

#include "core/base/types.h"
#include "core/os/lock.h"

namespace heaptag::meta {

/// Zeroed memory, aligned to 64 bytes from 64 bytes up, else to 16.
/// Returns null when the kernel refuses. Owns: the caller, until release.
void* allocate(size_t size_bytes);

/// `size_bytes` is what was asked for.
void release(void* memory, size_t size_bytes);

/// A copy of a text, NUL-terminated, for good. "" when the kernel refuses.
const char* keep_text(std::string_view text);

/// Bytes that the kernel has given for metadata and that may be resident.
size_t mapped_bytes();
const size_t* mapped_bytes_address();

/// Counts memory that somebody else committed for metadata (tables in reserved address space).
void count_mapped(size_t size_bytes);

/// For fork handlers only.
os::Lock& lock_for_fork();

/// In a child that was forked while another thread held the lock: what was free is lost.
void forget_free_memory();

/// An array in reserved address space that grows at its end and never moves, so that readers need
/// no lock. Commits memory in steps. Writers serialise themselves.
template <typename T>
class GrowingTable {
 public:
  /// Reserves room for `capacity` entries. False when the kernel refuses.
  bool init(size_t capacity);

  /// Makes entries below `count` usable (zeroed when new). False without memory or beyond the
  /// capacity.
  bool grow_to(size_t count) { return count <= committed_ || grow_slow(count); }

  /// Gives address space beyond `capacity` entries back, as far as it is not in use.
  void trim_to(size_t capacity);

  /// Takes it back, if nobody has mapped anything there meanwhile.
  void restore();

  T* data() const { return data_; }

  /// Where data() is kept: null until init.
  T* const* data_address() const { return &data_; }

  T& operator[](size_t index) const { return data_[index]; }

  size_t capacity() const { return capacity_; }

 private:
  bool grow_slow(size_t count);

  T* data_ = nullptr;
  size_t capacity_ = 0;
  size_t full_capacity_ = 0;  // before trim_to
  size_t committed_ = 0;
};

/// Untyped halves of GrowingTable.
void* reserve_table(size_t size_bytes);
void trim_table(void* base, size_t kept_bytes, size_t reserved_bytes);
bool restore_table(void* base, size_t kept_bytes, size_t reserved_bytes);
size_t commit_table(void* base, size_t committed_bytes, size_t wanted_bytes, size_t reserved_bytes);

template <typename T>
bool GrowingTable<T>::init(size_t capacity) {
  if (data_ != nullptr) {
    return true;  // from an attempt that failed later
  }
  data_ = static_cast<T*>(reserve_table(capacity * sizeof(T)));
  capacity_ = data_ == nullptr ? 0 : capacity;
  full_capacity_ = capacity_;
  return data_ != nullptr;
}

template <typename T>
void GrowingTable<T>::trim_to(size_t capacity) {
  const size_t kept = capacity > committed_ ? capacity : committed_;
  if (kept < capacity_) {
    trim_table(data_, kept * sizeof(T), capacity_ * sizeof(T));
    capacity_ = kept;
  }
}

template <typename T>
void GrowingTable<T>::restore() {
  if (restore_table(data_, capacity_ * sizeof(T), full_capacity_ * sizeof(T))) {
    capacity_ = full_capacity_;
  }
}

template <typename T>
bool GrowingTable<T>::grow_slow(size_t count) {
  if (count > capacity_) {
    return false;
  }
  const size_t bytes =
      commit_table(data_, committed_ * sizeof(T), count * sizeof(T), capacity_ * sizeof(T));
  committed_ = bytes / sizeof(T);
  committed_ = committed_ < capacity_ ? committed_ : capacity_;  // whole pages may hold more
  return count <= committed_;
}

}  // namespace heaptag::meta
