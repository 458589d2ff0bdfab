// The checked blocks that one thread has ready, and those that it has freed and that wait, oldest
// first, until enough has been freed since (HEAPTAG_QUARANTINE). Nothing is moved for that: a block
// waits in the queue of its own size, and is taken from there when it is old enough.
// Layer: core/allocator.  All functions: only the state's own thread, or whoever holds an orphan
// under the registry's lock.  Locks: the checked store's and the page heap's, briefly.
#pragma once

#include "core/allocator/checked_span.h"
#include "core/allocator/thread_state.h"
#include "core/safety/finding.h"

namespace heaptag::allocator {

/// Of one size class, or of all large blocks.
struct CheckedQueue {
  uintptr_t ready;  // from the store: unused, or freed long ago
  uintptr_t first;  // freed by this thread, the oldest; 0: empty
  uintptr_t last;
  uint32_t waiting;  // blocks
  uint32_t ready_count;
};

struct CheckedLists {
  CheckedQueue sizes[heap::kClassCount];
  CheckedQueue large;
  uint64_t seen_units;     // of the process's freed bytes, when they were last looked at
  uint64_t own_bytes;      // freed by this thread since then
  uint64_t waiting_bytes;  // in all queues
  uint32_t frees;          // of this thread, ever
  uint32_t now_ms;         // since the start, as seen on the last look
};

/// Made on first use. Null without memory.
CheckedLists* checked_lists_of(ThreadState* thread);

/// Of all threads: what was freed and waits.
uint64_t waiting_bytes();

/// A block of the class that may be handed out: checked, and withdrawn if need be. `record` is null
/// without memory.
CheckedBlock take_checked(CheckedLists* lists, unsigned size_class);

/// A block that has been freed, its record filled but for its age.
void put_checked(CheckedLists* lists, Span* span, const CheckedBlock& block);

/// Gives everything up, checked once more: for a thread that ends.
void retire_checked_lists(CheckedLists* lists);

}  // namespace heaptag::allocator
