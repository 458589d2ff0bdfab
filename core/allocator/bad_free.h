// Frees of what is no block of the program's, in every mode: told, and nothing else is done.
// What is certain: a pointer outside of the heap; a block that is freed twice in a row by the
// thread that has allocated it. What is likely: one that another thread frees twice, as long as it
// is on its way home; one that lies in memory that is free now. Layer: core/allocator.
#pragma once

#include "core/allocator/release.h"
#include "core/heap/span.h"
#include "core/safety/finding.h"

namespace heaptag::allocator {

/// What is found at a free, or at a realloc, of a pointer; of no block yet.
safety::Finding finding_of_call(safety::Kind kind, const void* passed, const Release& release);

/// What is wrong with the free of a pointer that is not the first byte of a block.
safety::Kind kind_of_bad_free(const heap::Span* span, const void* block);

/// Tells of it. Pre: the thread is in a slow path and holds no lock.
[[gnu::cold, gnu::noinline]] void tell_bad_free(safety::Kind kind,
                                                const heap::Span* span,
                                                const void* block,
                                                const Release& release);

/// The block was freed a moment ago by this thread, whose state `thread` is: tells, and does
/// nothing.
[[gnu::cold, gnu::noinline]] void refuse_double_free(void* thread, void* block);

}  // namespace heaptag::allocator
