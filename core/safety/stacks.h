// The stacks that records of blocks refer to, each kept once, by number. Layer: core/safety.
// Locks: one of its own for new ones, inside all others but metadata's; known ones need none.
#pragma once

#include <span>

#include "core/base/types.h"
#include "core/os/lock.h"

namespace heaptag::safety {

/// 0: none.
using StackId = uint32_t;

/// The number of a stack. 0 without memory, or for no frames.
StackId keep_stack(const uintptr_t* pcs, unsigned count);

/// Its return addresses, innermost first; lent for good.
std::span<const uintptr_t> stack_of(StackId id);

/// The stack of the calling thread from the program's function on that has called us, to so many
/// frames. 0 for a single one: who has called is kept otherwise.
StackId current_stack(unsigned depth);

os::Lock& stacks_lock_for_fork();

/// In a child that was forked while another thread held the lock: no new ones from here on.
void stop_keeping_stacks();

}  // namespace heaptag::safety
