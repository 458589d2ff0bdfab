// Large blocks: one span each, straight from the page heap.
// Layer: core/allocator.  Locks: the page heap's.
#pragma once

#include "core/allocator/thread_state.h"

namespace heaptag::allocator {

/// The span of a new large block (its address is span->base), charged to `site`. kFlagZeroed in its
/// flags: it reads as zero. Null without memory.
Span* allocate_large(ThreadState* thread, size_t size, uint32_t alignment_pages, uintptr_t site);

/// Frees and charges. Pre: span->state is kLarge.
void free_large(ThreadState* thread, Span* span);

/// Makes a large block larger or smaller without copying, if that can be. Returns its new span, or
/// null when nothing has changed. Charges nothing.
Span* resize_large(Span* span, size_t size);

}  // namespace heaptag::allocator
