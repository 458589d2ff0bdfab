// The page heap: runs of pages that no span uses, found by length, joined with their neighbours,
// and given back to the kernel when they have been idle. Layer: core/heap.  Locks: one of its own
// (rank: inside every other but metadata's).
//
// Two kinds of free runs never join: *dirty* ones (resident, content unknown) and *zeroed* ones
// (fresh or purged). Dirty ones are used first, so that memory does not grow while there is some.
#pragma once

#include "core/base/types.h"
#include "core/heap/span.h"
#include "core/os/lock.h"

namespace heaptag::heap {

/// A run of exactly `page_count` pages whose address is a multiple of `alignment_pages` (a power of
/// two) pages. Returns a span with base, page_count and flags (kFlagZeroed) set and state kUnused,
/// not yet in the address map but for its ends. Null without memory. Owns: the caller, until
/// release_run. Locks: page heap.
Span* allocate_run(uint32_t page_count, uint32_t alignment_pages = 1);

/// Gives a run back. The caller has removed it from every list; its interior pages are unmapped
/// here unless `ends_only` says that only its ends were mapped. Locks: page heap.
void release_run(Span* span, bool ends_only);

/// Makes a run longer in place by taking pages of the free run behind it; the new pages read as
/// zero only when *zeroed says so. False when there is none that suffices. Locks: page heap.
bool extend_run(Span* span, uint32_t page_count, bool* zeroed);

/// Gives the pages behind the first `page_count` back. Locks: page heap.
void shrink_run(Span* span, uint32_t page_count);

/// Returns the memory of dirty runs to the kernel until at most `keep_bytes` are left. Returns the
/// bytes returned.
size_t trim(size_t keep_bytes);

/// Bytes in spans, in dirty runs, in zeroed runs. A reader without the lock gets a recent value
/// each.
struct PageHeapFigures {
  size_t used_bytes;
  size_t dirty_bytes;
  size_t zeroed_bytes;
};

PageHeapFigures page_heap_figures();

/// The same for a reader outside: pages in use, free pages that are resident.
const uint32_t* used_pages_address();
const uint32_t* dirty_pages_address();

/// Has the heap grown by 1/16 since this was last true? Then whoever asks gives back what it
/// hoards.
bool growth_is_due();

/// The process is about to get a limit on its address space: what is reserved and not used would
/// count against it.
void give_up_reservation(size_t limit_bytes);

/// The limit did not last.
void take_back_reservation();

os::Lock& page_heap_lock_for_fork();

/// In a child that was forked while another thread held the lock: what was free is nobody's from
/// here on, since lists may be half changed.
void forget_free_runs();

}  // namespace heaptag::heap
