// Whether we are this program's allocator at all. A program that brings a malloc of its own must
// not be served by two: then we stand aside, nothing of ours is made, and the edge hands every call
// on to whoever would have got it without us. Layer: core/allocator.  Locks: none.
#pragma once

#include "core/base/types.h"
#include "core/base/units.h"

namespace heaptag::allocator {

enum class Standing : uint32_t { kUndecided = 0, kServing, kAside };

extern constinit Standing standing;

/// Decides at the first call of the process, before any block of ours is out. Later calls return
/// what was decided.
[[gnu::noinline, gnu::cold]] bool decide_to_stand_aside();

/// One load and a compare, on slow paths only.
inline bool stands_aside() {
  return unlikely(__atomic_load_n(&standing, __ATOMIC_RELAXED) != Standing::kServing) &&
         decide_to_stand_aside();
}

}  // namespace heaptag::allocator
