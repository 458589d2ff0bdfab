// Small blocks that do not go through a slot.
// Layer: core/allocator.
#pragma once

#include "core/allocator/thread_state.h"

namespace heaptag::allocator {

/// A block of a given size class, charged to `site`; requested size `size` (block - size must fit
/// BlockMeta). Null without memory.
void* allocate_metered(ThreadState* thread, unsigned size_class, size_t size, uintptr_t site);

/// The slot that was emptied for a guarded block (guard_sampling.h) says again what it said.
Slot* put_back_aside(ThreadState* thread);

/// The owner of a request of any size, and its counters in this thread; no bin is asked for a
/// block. Null without memory.
OwnerCounters* counters_for(ThreadState* thread, size_t size, uintptr_t site, OwnerId* owner);

}  // namespace heaptag::allocator
