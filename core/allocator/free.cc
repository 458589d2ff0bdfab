// Slow paths of free: null, blocks of other threads, large blocks, foreign pointers, spans that
// need attention.
#include "core/allocator/allocator.h"
#include "core/allocator/large.h"
#include "core/allocator/stray.h"
#include "core/allocator/threads.h"
#include "core/base/units.h"

namespace heaptag::allocator {

using heap::SpanState;

namespace {

// An idle thread may keep this much of another's memory to itself.
constexpr uint32_t kOutgoingBlocks = 32;
constexpr uint32_t kOutgoingBytes = 16 * kKiB;

void send(Outgoing* outgoing) {
  const Outgoing blocks = *outgoing;
  *outgoing = Outgoing{};
  hand_back(blocks.home, blocks.first, blocks.last);
}

void free_remote(ThreadState* thread, Span* span, void* block) {
  const heap::BlockCharge charge = heap::charge_of(span, block);
  charge_free(thread, charge.owner, charge.requested_bytes, span->block_bytes);
  bump(thread->record.live_bytes, -int64_t{charge.requested_bytes});

  ThreadState* home = static_cast<ThreadState*>(span->thread);
  Outgoing* outgoing = &thread->outgoing[home->record.id % kOutgoing];
  if (outgoing->home != home && outgoing->home != nullptr) {
    send(outgoing);
  }
  *static_cast<void**>(block) = outgoing->first;
  if (outgoing->first == nullptr) {
    outgoing->home = home;
    outgoing->last = block;
  }
  outgoing->first = block;
  outgoing->bytes += span->block_bytes;
  if (++outgoing->count >= kOutgoingBlocks || outgoing->bytes >= kOutgoingBytes) {
    send(outgoing);
  }
}

}  // namespace

void deallocate_slow(void* block) {
  if (block == nullptr) {
    return;
  }
  ThreadScope scope;
  ThreadState* thread = scope.thread();
  Span* span = heap::find_span(block);
  if (unlikely(thread == nullptr)) {
    return deallocate_stray(block);
  }
  BusyScope busy(thread);
  if (span->thread == thread) {
    take_back(thread, span, block);
    if (span->attention_needed()) {
      attend(thread, span);
    }
  } else if (span->thread != nullptr) {
    free_remote(thread, span, block);
    if (unlikely(scope.is_late())) {
      send_outgoing(thread);  // this state may never be called again
    }
  } else if (span->state == SpanState::kLarge && block == span->base) {
    free_large(thread, span);
  } else {
    bump(thread->record.foreign_frees);
  }
}

void hand_back(ThreadState* home, void* first, void* last) {
  void* others = __atomic_load_n(&home->inbox, __ATOMIC_RELAXED);
  do {
    *static_cast<void**>(last) = others;
  } while (!__atomic_compare_exchange_n(&home->inbox, &others, first, true, __ATOMIC_SEQ_CST,
                                        __ATOMIC_RELAXED));
  if (unlikely(__atomic_load_n(&home->record.phase, __ATOMIC_SEQ_CST) ==
               static_cast<uint32_t>(ThreadPhase::kOrphan))) {
    help_orphan(home);
  }
}

void send_outgoing(ThreadState* thread) {
  for (Outgoing& outgoing : thread->outgoing) {
    if (outgoing.home != nullptr) {
      send(&outgoing);
    }
  }
}

}  // namespace heaptag::allocator
