// The few services of libc that tell us about threads and forks.
// Layer: core/os.  Signals: unsafe.
#pragma once

#include "core/base/types.h"

namespace heaptag::os {

/// Calls `ending(last_round)` when a thread that has called watch_this_thread ends, after other
/// destructors of thread-specific data where it can be arranged: as long as it returns true, and
/// rounds are left. Takes one of the first keys, so that watching never allocates. False when no
/// key is free.
bool watch_thread_ends(bool (*ending)(bool last_round));

void watch_this_thread();

/// pthread_self() of the calling thread, as a number.
inline uintptr_t thread_handle() {
  return reinterpret_cast<uintptr_t>(__builtin_thread_pointer());
}

/// The calling thread's name, NUL-terminated.
inline constexpr size_t kThreadNameBytes = 16;
void thread_name(char* name);

/// The list of streams, which the C library locks in fork, too, and under whose lock others may be
/// waiting for memory: before our locks are taken, after they are given back, in the child. Nothing
/// while there is a single thread.
void lock_streams();
void unlock_streams();
void reset_streams();

/// For pthread_setcanceltype.
inline constexpr int kCancelDeferred = 0;
inline constexpr int kCancelAtOnce = 1;

/// Registers fork handlers. Called first of all, they run last before the fork and first after it.
void watch_forks(void (*prepare)(), void (*parent)(), void (*child)());

}  // namespace heaptag::os
