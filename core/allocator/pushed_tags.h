// Tags that the program pushes: while one is on top of a thread's stack, every block that the
// thread allocates is its own, whatever the rules say. malloc pays nothing: each tag has a table of
// slots of its own, and pushing exchanges tables. Layer: core/allocator.
#pragma once

#include "core/allocator/thread_state.h"

namespace heaptag::allocator {

/// Null or empty: whatever is on top stays in force. Beyond kMaxPushedTags, too.
void push_tag(const char* name);

/// The calling thread has a state more, for a signal handler: what is pushed in `interrupted` is
/// pushed there, too.
void push_tags_of(const ThreadState* interrupted);

/// Harmless when nothing is pushed.
void pop_tag();

}  // namespace heaptag::allocator
