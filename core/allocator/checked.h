// malloc and free when blocks are checked: every call takes a slow path and ends here. What the
// program asks for lies between redzones, if there are any, in a block with a record; what it frees
// is sealed and waits. Layer: core/allocator.  Thread-safe.  Never changes errno.
#pragma once

#include "core/allocator/checked_span.h"
#include "core/allocator/release.h"
#include "core/allocator/thread_state.h"
#include "core/safety/settings.h"

namespace heaptag::allocator {

inline bool checks_blocks() {
  return unlikely(read_operand(safety::settings.checks_blocks));
}

/// Null without memory: the failure is counted. `slot` is that of the request, null if it has none.
void* allocate_checked(size_t size, uintptr_t site, safety::Family family, Slot* slot);

/// The same for an alignment, a power of two.
void* allocate_checked_aligned(size_t alignment,
                               size_t size,
                               uintptr_t site,
                               safety::Family family);

/// Pre: is_checked(span). What is wrong with the call is told, and the block freed if it can be.
/// `pc`, `family` and `size` as in Release.
void deallocate_checked(
    void* block, Span* span, uintptr_t pc, safety::Family family, size_t size = 0);

/// The same two, for calls that are out of the ordinary.
[[gnu::noinline]] void* allocate_with_care(size_t size, uintptr_t site, safety::Family family);
[[gnu::noinline]] void deallocate_with_care(
    void* block, Span* span, uintptr_t pc, safety::Family family, size_t size);

/// What may be written there, if it is the first byte of a live block; else 0.
size_t usable_size_checked(const Span* span, const void* block);

/// Is it the first byte of a live block, of 0 bytes perhaps?
bool is_start_of_checked(const Span* span, const void* block);

/// The blocks that the thread's state has freed and holds are given up: it ends.
void retire_checked(ThreadState* thread);

}  // namespace heaptag::allocator
