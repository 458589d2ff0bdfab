// Looks at blocks: is what was freed still as it was, are redzones whole? What is not is told to
// safety::listener. Layer: core/allocator.  Locks: verify_all takes the store's.
#pragma once

#include "core/allocator/checked_span.h"
#include "core/safety/finding.h"

namespace heaptag::allocator {

/// A freed block, of which the caller decides who gets it next. When it has changed: tells, and
/// withdraws it. Returns whether it may be handed out. `caller_panics`: whatever HEAPTAG_ON_ERROR
/// says, the process goes on until the caller ends it.
bool check_freed(const CheckedBlock& block, safety::FoundWhen when, bool caller_panics = false);

/// A live block of the caller's: tells of damaged redzones, once.
void check_redzones(const CheckedBlock& block, safety::FoundWhen when);

/// All blocks of a span that nobody can allocate from meanwhile. Returns how much was found.
/// `caller_panics` as above.
unsigned verify_span(Span* span, safety::FoundWhen when, bool caller_panics = false);

/// All checked blocks of the process, while threads go on.
void verify_all(safety::FoundWhen when);

/// The same for spans with this flag, and the process goes on whatever is found: how much that is.
unsigned verify_flagged(uint8_t span_flag, safety::FoundWhen when);

}  // namespace heaptag::allocator
