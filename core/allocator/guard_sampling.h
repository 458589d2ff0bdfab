// One allocation in so many is guarded while fast paths tell nobody of theirs: slow paths count
// what has been since, and when it is time for a guarded block they empty a slot, so that the next
// call of its pair comes to the slow path. The slot gets back what it said then.
// Layer: core/allocator.  All functions: the state's own thread, in a slow path.
#pragma once

#include "core/allocator/guard_policy.h"

namespace heaptag::allocator {

/// The pair of the slot has allocated so often: is it time for a guarded block of it?
void note_sampled(ThreadState* thread, Slot* slot, uint32_t allocations);

/// Counts what own bins have handed out, a few of them each time.
void look_at_own_bins(ThreadState* thread);

/// After a guarded block of the pair: another one, if more are due.
void go_on_sampling(ThreadState* thread, uintptr_t site, unsigned selector);

/// What the slot of the key said before it was emptied, if it was. Null: it was not.
const Slot* find_aside(const ThreadState* thread, uint64_t key);

}  // namespace heaptag::allocator
