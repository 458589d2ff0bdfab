// A guarded block touches the untouchable on one side. On the other one, the processor watches the
// padding of those that were allocated last (core/os/watchpoint.h): four, of the program's and its
// libraries'. Layer: core/allocator.  Locks: none that is waited for.  errno: never changed.
#pragma once

#include "core/safety/guard_region.h"

namespace heaptag::allocator {

/// From here on. Pre: watchpoints are open, and somebody takes their traps.
void start_watching();

/// It is new, and its record says whose it is.
void watch_padding(safety::GuardedBlock* block);

/// Before anybody looks at the padding of a block that lives.
void unwatch_padding(safety::GuardedBlock* block);

/// A trap of the watchpoint came from there: the block, which nobody watches any more. Null: it is
/// nobody's, or was told to another thread. Signals: safe.
safety::GuardedBlock* take_watched(unsigned which, uintptr_t address);

/// Is this a file of the C library? String functions read whole words, of paddings too.
bool is_of_c_library(const char* path);

}  // namespace heaptag::allocator
