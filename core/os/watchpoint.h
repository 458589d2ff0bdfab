// Eight bytes that the processor watches: who touches them gets SIGTRAP (si_code TRAP_PERF, si_addr
// what is watched), after the instruction. All threads that are started later are watched, too;
// forked children and executed programs are not.
// Layer: core/os.  Allocates: no.  Locks: none.  Signals: safe.  errno: never touched.
#pragma once

#include "core/base/types.h"

namespace heaptag::os {

/// As many as the processor has: debuggers have none left.
inline constexpr unsigned kWatchpoints = 4;

/// Takes them. False when the kernel refuses, or somebody else has one: then none is taken.
bool open_watchpoints();

/// From here on the watchpoint stands at `address`, a multiple of 8, and nowhere else. False when
/// it cannot: they are not open, not this process's, or the program has closed the descriptor.
bool watch(unsigned which, uintptr_t address, bool writes_only);

void unwatch(unsigned which);

/// Is it the trap of a watchpoint? `info` as the handler of SIGTRAP got it.
bool is_watch_trap(const void* info, unsigned* which, uintptr_t* address);

/// Pre: is_watch_trap. Was the signal blocked at the time? Then the thread is elsewhere meanwhile.
bool is_late_trap(const void* info);

}  // namespace heaptag::os
