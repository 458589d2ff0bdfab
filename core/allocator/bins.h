// Bins at work: where blocks come from when a list is empty, where they go when it is too long, and
// what becomes of spans that are full, partly free or empty. Layer: core/allocator.  All functions:
// only the state's own thread, or whoever holds an orphan under the registry's lock.  Locks: the
// page heap's, briefly.
#pragma once

#include "core/allocator/thread_state.h"

namespace heaptag::allocator {

/// What tells an own bin.
struct OwnKind {
  uint64_t key;
  OwnerId owner;
  uint16_t requested_bytes;
  uint8_t size_class;
};

/// The bin of a size class; an own bin, active; made on first use. Null without memory.
Bin* metered_bin(ThreadState* thread, unsigned size_class);
Bin* make_own_bin(ThreadState* thread, const OwnKind& kind);
Bin* find_own_bin(const ThreadState* thread, uint64_t key);

/// Puts blocks on the bin's empty list. False without memory.
bool refill(ThreadState* thread, Bin* bin);

/// Brings own_held_bytes up to date.
void settle_bins(ThreadState* thread);

/// A block that has been freed, and counted, while its bin's list has enough.
[[gnu::noinline]] void put_in_span(ThreadState* thread, Bin* bin, Span* span, FreeBlock* block);

/// Takes back what other threads have freed: to be used soon, or by nobody for a while.
enum class DrainTo { kLists, kSpans };
void drain_inbox(ThreadState* thread, DrainTo to);

/// Gives back what is kept for speed: spare spans, and the lists of bins that have not been asked
/// since the last sweep; of all bins with `everything`.
void sweep(ThreadState* thread, bool everything);

/// Before the thread's state waits for a successor: gives back all that it does not need.
void retire_bins(ThreadState* thread);

}  // namespace heaptag::allocator
