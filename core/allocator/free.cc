// Slow paths of free: null, blocks of other threads, large blocks, foreign pointers, spans that
// need attention.
#include "core/allocator/allocator.h"
#include "core/allocator/bad_free.h"
#include "core/allocator/checked.h"
#include "core/allocator/guarded.h"
#include "core/allocator/large.h"
#include "core/allocator/remote_free.h"
#include "core/allocator/stray.h"
#include "core/allocator/threads.h"
#include "core/base/units.h"

namespace heaptag::allocator {

using heap::SpanState;
using safety::Kind;

namespace {

// A child that is forked meanwhile must not send the same blocks again.
void send(ThreadState* thread, Outgoing* outgoing) {
  const BusyScope busy(thread);
  const Outgoing blocks = *outgoing;
  *outgoing = Outgoing{};
  hand_back(blocks.home, blocks.first, blocks.last);
}

void send_home(ThreadState* thread, ThreadState* home, FreeBlock* block, uint32_t block_bytes) {
  Outgoing* outgoing = outgoing_to(thread, home);
  if (outgoing->first != nullptr && outgoing->home != home) {
    send(thread, outgoing);
  }
  add_to_batch(outgoing, home, block, block_bytes);
  if (is_full(outgoing)) {
    send(thread, outgoing);
  }
}

[[gnu::noinline]] void charge_free_slow(ThreadState* thread,
                                        OwnerId owner,
                                        size_t size,
                                        size_t usable) {
  const BusyScope busy(thread);
  charge_free(thread, owner, size, usable);
}

void free_remote(ThreadState* thread, Span* span, FreeBlock* block, const Release& release) {
  const uint32_t block_bytes = span->block_bytes;
  auto* home = static_cast<ThreadState*>(span->thread);
  if (unlikely(read_relaxed(outgoing_to(thread, home)->first) == block)) {
    const BusyScope busy(thread);
    return tell_bad_free(Kind::kDoubleFree, span, block, release);
  }
  if constexpr (!kAccounting) {
    return send_home(thread, home, block, block_bytes);
  }
  const heap::BlockCharge charge = heap::charge_of(span, block);
  drop(thread->record.live_bytes, int64_t{held_bytes(span, charge)});
  OwnerCounters* counters = thread->find_counters(charge.owner);
  if (likely(counters != nullptr)) {
    count_free(counters, charge.requested_bytes, charge.usable_bytes);
  } else {
    charge_free_slow(thread, charge.owner, charge.requested_bytes, charge.usable_bytes);
  }
  block->word = charge.word;
  send_home(thread, home, block, block_bytes);
}

}  // namespace

void deallocate_slow(void* block, const Release& release) {
  if (block == nullptr) {
    return;
  }
  Span* span = heap::find_span(block);
  if (is_checked(span)) {
    return deallocate_checked(block, span, release.pc, release.family, release.size);
  }
  if (likely(span->thread != nullptr && tls_state != &cold_state && span->thread != tls_state)) {
    return free_remote(tls_state, span, static_cast<FreeBlock*>(block), release);
  }
  // A thread that begins with somebody's blocks mostly goes on with them.
  ThreadScope scope(static_cast<ThreadState*>(span->thread));
  ThreadState* thread = scope.thread();
  if (unlikely(thread == nullptr)) {
    return deallocate_stray(block);
  }
  BusyScope busy(thread);
  if (span->thread == thread) {
    take_back(thread, span, block);
  } else if (span->thread != nullptr) {
    free_remote(thread, span, static_cast<FreeBlock*>(block), release);
    if (unlikely(scope.is_late())) {
      send_outgoing(thread);  // this state may never be called again
    }
  } else if (span->state == SpanState::kLarge && block == span->base) {
    free_large(thread, span);
  } else if (may_be_guarded(block)) {
    deallocate_guarded(thread, block, release);
  } else {
    bump(thread->record.foreign_frees);
    tell_bad_free(kind_of_bad_free(span, block), span, block, release);
  }
}

void refuse_double_free(void* thread, void* block) {
  BusyScope busy(static_cast<ThreadState*>(thread));
  tell_bad_free(Kind::kDoubleFree, heap::find_span(block), block, {});
}

void put_back_metered(FreeBlock* block, Span* span, ThreadState* thread) {
  uint32_t* word = span->word_of(block);
  const uint32_t block_bytes = span->block_bytes;
  const uint32_t size = block_bytes - heap::BlockMeta::slack_bytes(*word);
  count_free(thread->known_counters(heap::BlockMeta::owner(*word)), size, block_bytes);
  drop(thread->record.live_bytes, int64_t{size});
  block->word = word;
  put_back(thread, static_cast<Bin*>(span->bin), span, block);
}

void hand_back(ThreadState* home, FreeBlock* first, FreeBlock* last) {
  FreeBlock* others = __atomic_load_n(&home->inbox, __ATOMIC_RELAXED);
  do {
    last->next = others;
  } while (!__atomic_compare_exchange_n(&home->inbox, &others, first, true, __ATOMIC_SEQ_CST,
                                        __ATOMIC_RELAXED));
  if (unlikely(__atomic_load_n(&home->record.phase, __ATOMIC_SEQ_CST) ==
               static_cast<uint32_t>(ThreadPhase::kOrphan))) {
    help_orphan(home);
  }
}

void send_outgoing(ThreadState* thread) {
  for (Outgoing& outgoing : thread->outgoing) {
    if (outgoing.first != nullptr) {
      send(thread, &outgoing);
    }
  }
}

}  // namespace heaptag::allocator
