// Work that needs more stack than a stranger's thread may have left. Layer: core/os.
#pragma once

namespace heaptag::os {

/// Keeps such a stack for later, when there may be no address space any more. False when there is
/// none now.
bool keep_own_stack();

/// Calls function(context) on a stack of 1 MiB that is mapped for it, or, when the kernel gives
/// none, not at all. Returns whether it was called. errno: never touched.
bool call_on_own_stack(void (*function)(void* context), void* context);

}  // namespace heaptag::os
