// Children that no fork handler tells of: _Fork, a raw clone or fork system call. A word in memory
// that the kernel clears in them is looked at whenever a lock is taken. Children that share our
// memory (vfork) are none of them. Layer: core/os.  Allocates: no.  errno: never touched.
#pragma once

#include "core/base/types.h"

namespace heaptag::os {

/// From here on `in_child` is called in such a child, before it takes its first lock. Does nothing
/// where the kernel cannot clear memory (before 4.14).
void watch_unseen_forks(void (*in_child)());

extern constinit uint32_t* fork_mark;

[[gnu::noinline, gnu::cold]] void meet_unseen_fork();

inline void look_for_unseen_fork() {
  const uint32_t* mark = __atomic_load_n(&fork_mark, __ATOMIC_ACQUIRE);
  if (__builtin_expect(__atomic_load_n(mark, __ATOMIC_RELAXED) == 0, 0)) {
    meet_unseen_fork();
  }
}

/// A forked child that is known.
void note_seen_fork();

}  // namespace heaptag::os
