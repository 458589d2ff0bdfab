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

struct CheckedRequest {
  size_t size;
  size_t alignment;  // a power of two, 16 at least
  uintptr_t site;
  safety::Family family;
};

/// Null without memory: the failure is not yet counted.
void* allocate_checked(ThreadState* thread, const CheckedRequest& request);

/// Pre: is_checked(span). What is wrong with the call is told, and the block freed if it can be.
/// `thread` null: there is no memory for a state.
void deallocate_checked(ThreadState* thread, Span* span, void* block, const Release& release);

/// What may be written there, if it is the first byte of a live block; else 0.
size_t usable_size_checked(const Span* span, const void* block);

/// Is it the first byte of a live block, of 0 bytes perhaps?
bool is_start_of_checked(const Span* span, const void* block);

/// The blocks that the thread's state has freed and holds are given up: it ends.
void retire_checked(ThreadState* thread);

}  // namespace heaptag::allocator
