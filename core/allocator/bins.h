// Bins at work: where the next block comes from when a span is exhausted, and where spans go when
// they are full, partly free or empty. Layer: core/allocator.  All functions: only the state's own
// thread, or whoever holds an orphan under the registry's lock.  Locks: the page heap's, briefly.
#pragma once

#include "core/allocator/thread_state.h"

namespace heaptag::allocator {

/// The bin of a size class / an own bin with the key, owner, size, class and selector of `like`,
/// made on first use. Null without memory.
Bin* metered_bin(ThreadState* thread, unsigned size_class);
Bin* make_own_bin(ThreadState* thread, const Bin& like);
Bin* find_own_bin(const ThreadState* thread, uint64_t key);

/// Makes the bin's current span one with a free block. Null without memory.
Span* refill(ThreadState* thread, Bin* bin);

/// After a local free that brought the span to its threshold: lists it, keeps it as a spare, or
/// gives it back.
void attend(ThreadState* thread, Span* span);

/// Takes back what other threads have freed.
void drain_inbox(ThreadState* thread);

/// Gives back empty spans that are kept for speed: spares, and the idle current spans of uniform
/// bins.
void sweep(ThreadState* thread);

/// Before the thread's state waits for a successor: collects, gives empty spans back, arms the
/// others.
void retire_bins(ThreadState* thread);

inline Span* no_span() {
  return heap::span_at(0);
}

}  // namespace heaptag::allocator
