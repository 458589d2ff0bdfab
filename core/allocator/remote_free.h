// Frees of blocks that another thread has allocated. They are charged by the thread that frees
// them, and travel to the other one in batches. Layer: core/allocator.  Locks: none here; a full
// batch is sent in free.cc.
#pragma once

#include "core/allocator/thread_state.h"
#include "core/base/accounting.h"
#include "core/base/units.h"

namespace heaptag::allocator {

// An idle thread may keep this much of another's memory to itself.
inline constexpr uint32_t kOutgoingBlocks = 32;
inline constexpr uint32_t kOutgoingBytes = 16 * kKiB;

/// The batch for blocks of `home`.
inline Outgoing* outgoing_to(ThreadState* thread, const ThreadState* home) {
  return &thread->outgoing[home->batch_number];
}

/// At any instruction the batch is one that can be sent. Pre: it is empty or `home`'s.
inline void add_to_batch(Outgoing* outgoing,
                         ThreadState* home,
                         FreeBlock* block,
                         uint32_t block_bytes) {
  FreeBlock* first = outgoing->first;
  block->next = first;
  if (first == nullptr) {
    outgoing->home = home;
    outgoing->last = block;
  }
  __atomic_signal_fence(__ATOMIC_SEQ_CST);
  write_relaxed(outgoing->first, block);
  outgoing->bytes += block_bytes;
  ++outgoing->count;
}

inline bool is_full(const Outgoing* outgoing) {
  return outgoing->count >= kOutgoingBlocks || outgoing->bytes >= kOutgoingBytes;
}

/// The usual case: the block is another thread's, for whom a batch is begun and not about to be
/// full, and its owner has counters here. False, with nothing done, in all others.
[[gnu::always_inline]] inline bool free_into_batch(void* freed, const Span* span) {
  ThreadState* thread = tls_state;
  auto* home = static_cast<ThreadState*>(span->thread);
  auto* block = static_cast<FreeBlock*>(freed);
  if (unlikely(home == nullptr)) {
    return false;
  }
  Outgoing* outgoing = outgoing_to(thread, home);
  const uint32_t block_bytes = span->block_bytes;
  if (outgoing->home != home || outgoing->first == nullptr || outgoing->first == block ||
      outgoing->count + 1 >= kOutgoingBlocks || outgoing->bytes + block_bytes >= kOutgoingBytes) {
    return false;
  }
  if constexpr (kAccounting) {
    const heap::BlockCharge charge = heap::charge_of(span, block);
    OwnerCounters* counters = thread->find_counters(charge.owner);
    if (unlikely(counters == nullptr)) {
      return false;
    }
    drop(thread->record.live_bytes, int64_t{held_bytes(span, charge)});
    count_free(counters, charge.requested_bytes, charge.usable_bytes);
    block->word = charge.word;
  }
  add_to_batch(outgoing, home, block, block_bytes);
  return true;
}

}  // namespace heaptag::allocator
