// What all entry files share.
#pragma once

#include "core/allocator/blame.h"
#include "core/base/types.h"

// Visible to the loader, kept whole, never cloned or inlined: its return address is the call site.
#define HEAPTAG_EXPORT __attribute__((visibility("default"), used, noinline, noclone))

// Who is charged: the caller, or whoever it allocates for. Needs a frame pointer; entry points that
// do without one use HEAPTAG_CALLER and allocate_for_caller.
#define HEAPTAG_FRAME() \
  static_cast<const heaptag::allocator::EntryFrame*>(__builtin_frame_address(0))
#define HEAPTAG_SITE() heaptag::allocator::blamed_site(__builtin_frame_address(0))

#define HEAPTAG_CALLER() reinterpret_cast<uintptr_t>(__builtin_return_address(0))
