// Slow paths of free: null, blocks of other threads, large blocks, foreign pointers, spans that
// need attention.
#include "core/allocator/allocator.h"
#include "core/allocator/large.h"
#include "core/allocator/threads.h"

namespace heaptag::allocator {

using heap::BlockMeta;
using heap::RemoteList;
using heap::SpanState;

namespace {

void push_notice(ThreadState* home, Span* span) {
  Span* first = __atomic_load_n(&home->notices, __ATOMIC_RELAXED);
  do {
    span->next_notice = first;
  } while (!__atomic_compare_exchange_n(&home->notices, &first, span, true, __ATOMIC_RELEASE,
                                        __ATOMIC_RELAXED));
}

void free_remote(ThreadState* thread, Span* span, void* block) {
  const size_t requested =
      span->meta == nullptr
          ? span->requested_bytes
          : span->block_bytes - BlockMeta::slack_bytes(span->meta[span->index_of_block(block)]);
  const OwnerId owner = span->meta == nullptr
                            ? span->owner
                            : BlockMeta::owner(span->meta[span->index_of_block(block)]);
  count_free(counters_of(thread, owner), requested, span->block_bytes);
  thread->record.live_bytes -= static_cast<int64_t>(requested);

  // Once the block is on the list the span may be given back at any moment: the notice keeps it.
  ThreadState* home = static_cast<ThreadState*>(span->thread);
  uint64_t list = __atomic_load_n(&span->remote_list, __ATOMIC_RELAXED);
  uint64_t pushed = 0;
  do {
    *static_cast<void**>(block) = RemoteList::first(list);
    const uint64_t flags = (list & RemoteList::kFlags) == 0 ? 0 : RemoteList::kNotified;
    pushed = reinterpret_cast<uint64_t>(block) | flags |
             uint64_t{RemoteList::count(list) + 1} << RemoteList::kCountShift;
  } while (!__atomic_compare_exchange_n(&span->remote_list, &list, pushed, true, __ATOMIC_RELEASE,
                                        __ATOMIC_RELAXED));
  if ((list & RemoteList::kFlags) == RemoteList::kArmed) {
    push_notice(home, span);
    if (unlikely(__atomic_load_n(&home->record.phase, __ATOMIC_SEQ_CST) ==
                 static_cast<uint32_t>(ThreadPhase::kOrphan))) {
      help_orphan(home);
    }
  }
}

void free_local(ThreadState* thread, Span* span, void* block) {
  const bool uniform = span->meta == nullptr;
  size_t requested = span->requested_bytes;
  if (!uniform) {
    const uint32_t meta = span->meta[span->index_of_block(block)];
    requested = span->block_bytes - BlockMeta::slack_bytes(meta);
    count_free(thread->known_counters(BlockMeta::owner(meta)), requested, span->block_bytes);
  }
  thread->record.live_bytes -= static_cast<int64_t>(requested);
  *static_cast<void**>(block) = span->free_list;
  span->free_list = block;
  bump(span->frees);
  if (span->attention_needed()) {
    attend(thread, span);
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
    return;  // no memory for this thread's first state: the block is lost, the program goes on
  }
  BusyScope busy(thread);
  if (span->thread == thread) {
    free_local(thread, span, block);
  } else if (span->thread != nullptr) {
    free_remote(thread, span, block);
  } else if (span->state == SpanState::kLarge && block == span->base) {
    free_large(thread, span);
  } else {
    bump(thread->record.foreign_frees);
  }
}

void attend_slow(ThreadState* thread, Span* span) {
  attend(thread, span);
}

}  // namespace heaptag::allocator
