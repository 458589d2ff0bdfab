// Tables that a process has when it needs them, and not before: what lies in the library's own data
// is address space of every process. Layer: core/zone.  Locks: none.
#pragma once

#include "core/base/types.h"

namespace heaptag::zone {

/// What `*place` points to; zeroed pages of their own the first time. Of several threads that come
/// first, all get the same. Null without memory.
void* map_once(void** place, size_t size_bytes);

template <typename T>
T* map_once(T** place, size_t count) {
  return static_cast<T*>(map_once(reinterpret_cast<void**>(place), count * sizeof(T)));
}

}  // namespace heaptag::zone
