// Is an access that is about to be made within one live block? A block between untouchable pages
// has one at one side only, and a checked block has none: calls of the C library that read or write
// beside it are found here (preload/strings_entry.cc asks). Layer: core/allocator.  Thread-safe.
// Allocates: no.  Locks: none.  Never changes errno.
#pragma once

#include "core/allocator/blame.h"

namespace heaptag::allocator {

struct Access {
  uintptr_t begin;
  uintptr_t end;  // behind the last byte
  bool is_write;
  const EntryFrame* entry;  // of the function that the program has called
};

/// Tells of it if it is not; one finding at most. Nothing of what is no block, and nothing of what
/// will fault at an untouchable page: that is told there. Signals: safe.
void check_access(const Access& access);

}  // namespace heaptag::allocator
