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

void send_home(ThreadState* thread, Span* span, FreeBlock* block) {
  ThreadState* home = static_cast<ThreadState*>(span->thread);
  Outgoing* outgoing = &thread->outgoing[home->record.id % kOutgoing];
  if (outgoing->home != home && outgoing->home != nullptr) {
    send(outgoing);
  }
  block->next = static_cast<FreeBlock*>(outgoing->first);
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

void free_remote(ThreadState* thread, Span* span, FreeBlock* block) {
  const heap::BlockCharge charge = heap::charge_of(span, block);
  void* meta = span->place_of_meta(block);
  drop(thread->record.live_bytes, int64_t{charge.requested_bytes});
  charge_free(thread, charge.owner, charge.requested_bytes, span->block_bytes);
  block->meta = meta;
  send_home(thread, span, block);
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
  } else if (span->thread != nullptr) {
    free_remote(thread, span, static_cast<FreeBlock*>(block));
    if (unlikely(scope.is_late())) {
      send_outgoing(thread);  // this state may never be called again
    }
  } else if (span->state == SpanState::kLarge && block == span->base) {
    free_large(thread, span);
  } else {
    bump(thread->record.foreign_frees);
  }
}

void put_back_metered(FreeBlock* block, Span* span, ThreadState* thread) {
  uint32_t* meta = &span->meta_of(span->index_of_block(block));
  const uint32_t block_bytes = span->block_bytes;
  const uint32_t size = block_bytes - heap::BlockMeta::slack_bytes(*meta);
  count_free(thread->known_counters(heap::BlockMeta::owner(*meta)), size, block_bytes);
  drop(thread->record.live_bytes, int64_t{size});
  block->meta = meta;
  put_back(thread, static_cast<Bin*>(span->bin), block);
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
