// A lock in memory that processes share. The kernel gives it to the next one when its holder dies.
// Layer: core/os.  Allocates: no.  errno: never touched.  Signals: unsafe, unless they are blocked
// while it is held.
#pragma once

#include "core/base/types.h"

namespace heaptag::os {

/// A pthread_mutex_t, process-shared and robust. Lies at any address in each process.
struct RobustLock {
  alignas(8) uint8_t storage[64];
};

enum class Taken {
  kYes,
  kFromDead,  // whoever had it died in the middle of something; see mark_consistent
  kNested,    // the calling thread has it
  kBroken,    // no lock, or held by a thread that does not exist
};

bool make_robust_lock(RobustLock* lock);

/// Waits for as long as its holder lives.
Taken take(RobustLock* lock);

/// After kFromDead: what it protects is whole again.
void mark_consistent(RobustLock* lock);

void give_back(RobustLock* lock);

/// Blocks every signal of the calling thread. Returns the mask before, for set_signal_mask.
uint64_t block_signals();

}  // namespace heaptag::os
