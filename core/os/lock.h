// A lock on one futex word. Zero is unlocked, so static storage is a valid lock before any code
// runs. Layer: core/os.  Allocates: no.  errno: never touched.
#pragma once

#include "core/base/types.h"

namespace heaptag::os {

/// Not recursive. During fork the forking thread holds every lock (see fork_begin): its own acquire
/// and release do nothing then, so that fork handlers of the program may allocate.
class Lock {
 public:
  void acquire() {
    uint32_t expected = kFree;
    if (!__atomic_compare_exchange_n(&word_, &expected, kHeld, false, __ATOMIC_ACQUIRE,
                                     __ATOMIC_RELAXED)) {
      acquire_slow();
    }
  }

  bool try_acquire() {
    uint32_t expected = kFree;
    return __atomic_compare_exchange_n(&word_, &expected, kHeld, false, __ATOMIC_ACQUIRE,
                                       __ATOMIC_RELAXED);
  }

  /// Waits for it, but not longer. False when somebody else still has it.
  bool acquire_within(uint64_t limit_ns);

  /// Somebody has it now; by the time that the caller looks, perhaps not any more.
  bool is_held() const { return __atomic_load_n(&word_, __ATOMIC_RELAXED) != kFree; }

  void release();

  /// In a forked child, whose only thread is the caller: whoever held it is gone.
  void reset() { word_ = kFree; }

  /// For fork: takes and gives back the lock whatever fork_begin said.
  void acquire_for_fork();
  void release_after_fork();

 private:
  static constexpr uint32_t kFree = 0;
  static constexpr uint32_t kHeld = 1;
  static constexpr uint32_t kContended = 2;

  void acquire_slow();
  void wait_for_it();
  void wake_one();

  uint32_t word_ = kFree;
};

/// Scope of a held lock.
class LockGuard {
 public:
  explicit LockGuard(Lock& lock) : lock_(lock) { lock_.acquire(); }

  ~LockGuard() { lock_.release(); }

  LockGuard(const LockGuard&) = delete;
  LockGuard& operator=(const LockGuard&) = delete;

 private:
  Lock& lock_;
};

/// The calling thread has taken every lock and is about to fork / is done, in parent or child.
void fork_begin();
void fork_end();

}  // namespace heaptag::os
