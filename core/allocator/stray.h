// What a thread cannot count itself because there is no memory for it: a free of an owner for whom
// it has no counters yet, any call while it has no state. All of that goes to one state that is no
// thread's, with atomic operations, so that the figures stay right. Layer: core/allocator.
// Locks: those of a free.
#pragma once

#include "core/allocator/thread_state.h"

namespace heaptag::allocator {

/// The last one in the list of all states; frozen, and without slots.
extern constinit ThreadState stray_state;

/// From here on frees of this owner can be counted, whatever happens. False without memory: then
/// nothing must be allocated for it.
bool prepare_stray(OwnerId owner);

/// Pre: prepare_stray.
[[gnu::cold, gnu::noinline]] void count_stray_free(OwnerId owner, size_t requested, size_t usable);

/// The same when the thread has no state at all. `held`: what the peak has taken the block for.
[[gnu::cold, gnu::noinline]] void count_free_without_state(OwnerId owner,
                                                           size_t requested,
                                                           size_t usable,
                                                           size_t held);

/// What no thread allocates for itself, in any thread and in signal handlers. `may_look`: the peak
/// may be looked at, which takes a lock. Pre: prepare_stray.
void count_shared_allocation(OwnerId owner, size_t requested, size_t usable, bool may_look);
void count_shared_failure(OwnerId owner);

/// What was counted for the owner in this way; null: nothing. Others may go on counting.
OwnerCounters* shared_counters(OwnerId owner);

/// Of figures that somebody else says: usable bytes that lie in no span. Its address for readers.
const uint64_t& outside_usable_bytes();

/// The figures are somebody else's, who says what they are. Pre: prepare_stray; one at a time for
/// an owner.
void set_shared_figures(OwnerId owner, const OwnerCounters& figures);

/// A call that failed because its thread has no state.
[[gnu::cold, gnu::noinline]] void count_stray_failure();

/// free for a thread that has no state.
[[gnu::cold, gnu::noinline]] void deallocate_stray(void* block);

/// Charges a free to the owner in the counters of this thread, or wherever there is room.
inline void charge_free(ThreadState* thread, OwnerId owner, size_t requested, size_t usable) {
  OwnerCounters* counters = counters_of(thread, owner);
  if (likely(counters != &thread->lost)) {
    count_free(counters, requested, usable);
  } else {
    count_stray_free(owner, requested, usable);
  }
}

}  // namespace heaptag::allocator
