// Signal handlers of the program may allocate, whatever they interrupt. In a slow path, which may
// hold locks, the signal is put off until its end. In a fast path, which a list may be half changed
// by, the handler works with another state of the thread, as if it was another thread. Anywhere
// else it is called as if we were not there. Layer: core/allocator.  Signals: safe.
#pragma once

#include "core/allocator/thread_state.h"
#include "core/os/signals.h"

namespace heaptag::allocator {

/// The innermost of the calling thread's states that wait for the end of a handler which has
/// interrupted their fast path; null: none.
extern __thread ThreadState* tls_interrupted __attribute__((tls_model("initial-exec")));

/// Has the signal met the calling thread in our code, or has an earlier one left something to do?
inline bool meets_us(const void* context) {
  return os::is_own_code(os::interrupted_pc(context)) || !may_serve() || tls_interrupted != nullptr;
}

/// Calls the handler, now or by another delivery of the signal to `entry` (which is what the kernel
/// calls) when our slow path ends.
[[gnu::noinline]] void handle_interruption(
    os::SignalHandler* entry, os::SignalHandler* handler, int number, void* info, void* context);

/// Does the calling thread have to go on with this state after a handler?
bool is_interrupted(const ThreadState* state);

/// The calling thread ends: what its handlers have left for good goes the way of its state.
void give_back_interrupted();

}  // namespace heaptag::allocator
