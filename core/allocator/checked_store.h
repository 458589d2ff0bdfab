// Where checked blocks come from that no thread has on a list, and where those go that threads have
// no use for. Layer: core/allocator.  Locks: one of its own (inside the registry's, outside the
// page heap's), under which spans come and go: whoever holds it may walk all of them.
#pragma once

#include "core/allocator/checked_span.h"
#include "core/os/lock.h"

namespace heaptag::allocator {

/// To the beginning of a list of blocks, linked by their records.
inline void add_first(BlockRecord** list, BlockRecord* record) {
  record->set_next(*list);
  *list = record;
}

/// A list of up to `count` blocks of a size class, unused or freed. Empty without memory.
BlockRecord* take_from_store(unsigned size_class, uint32_t count);

/// Takes a list of freed blocks, of any class. What their checksums say is checked again before
/// their pages go back.
void give_to_store(BlockRecord* blocks);

/// A freed large block waits here until others of kLargeWaitingBytes and of the quarantine have
/// been freed after it.
void put_large_checked(BlockRecord* record);

/// One of as many pages that has waited, and may be handed out. Null: there is none.
Span* reuse_large_checked(uint32_t page_count);

uint64_t waiting_large_bytes();

/// A block of its own. `front` is its redzone. Null without memory; the span's flags say whether it
/// reads as zero.
Span* take_large_checked(size_t bytes, size_t requested, uint32_t alignment_pages, size_t front);

/// Its pages go back.
void give_large_checked(Span* span);

/// While in scope no checked span goes: records and blocks that were found may be looked at. Takes
/// no lock.
class SpansStay {
 public:
  SpansStay();
  ~SpansStay();

  SpansStay(const SpansStay&) = delete;
  SpansStay& operator=(const SpansStay&) = delete;
};

/// Calls `visit` for every checked span, while none can come or go.
using SpanVisitor = void (*)(void* context, Span* span);
void visit_checked_spans(SpanVisitor visit, void* context);

/// The lock, for those who make and take away checked spans of their own.
os::Lock& checked_spans_lock();

/// A span that somebody else has made is about to go: nobody looks at it any more. False while it
/// has to stay.
bool retire_checked_span(Span* span);

os::Lock& checked_store_lock_for_fork();

/// In a forked child, where nobody else looks at anything.
void nobody_stays();

/// In a child that was forked while another thread held the lock: what was free is nobody's.
void forget_checked_store();

}  // namespace heaptag::allocator
