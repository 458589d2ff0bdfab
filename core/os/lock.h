// A lock on one futex word. Zero is unlocked, so static storage is a valid lock before any code
// runs. Layer: core/os.  Allocates: no.  errno: never touched.
#pragma once

#include "core/base/types.h"
#include "core/os/unseen_fork.h"

namespace heaptag::os {

/// Not recursive. During fork the forking thread holds every lock (see fork_begin): its own acquire
/// and release do nothing then, so that fork handlers of the program may allocate. The C library
/// takes locks of its own after that, under which another thread may be waiting for one of ours:
/// such a thread *borrows* it after a while, and the child knows that it cannot trust what it
/// protects.
class Lock {
 public:
  void acquire() {
    look_for_unseen_fork();
    uint32_t expected = kFree;
    if (!__atomic_compare_exchange_n(&word_, &expected, kHeld, false, __ATOMIC_ACQUIRE,
                                     __ATOMIC_RELAXED)) {
      acquire_slow();
    }
  }

  bool try_acquire() {
    look_for_unseen_fork();
    uint32_t expected = kFree;
    return __atomic_compare_exchange_n(&word_, &expected, kHeld, false, __ATOMIC_ACQUIRE,
                                       __ATOMIC_RELAXED);
  }

  /// Waits for it, but not longer. False when somebody else still has it.
  bool acquire_within(uint64_t limit_ns);

  /// Somebody has it now; by the time that the caller looks, perhaps not any more.
  bool is_held() const { return __atomic_load_n(&word_, __ATOMIC_RELAXED) != kFree; }

  void release();

  /// In a forked child, whose only thread is the caller. Returns whether another thread was at work
  /// under it: one that had borrowed it / any.
  bool reset_after_fork() { return take_word() == kBorrowed; }

  bool reset_after_unseen_fork() { return take_word() != kFree; }

  /// For fork: takes and gives back the lock whatever fork_begin said.
  void acquire_for_fork();
  void release_after_fork();

 private:
  static constexpr uint32_t kFree = 0;
  static constexpr uint32_t kHeld = 1;
  static constexpr uint32_t kContended = 2;
  static constexpr uint32_t kBorrowed = 3;  // the forking thread has it, and another one uses it

  void acquire_slow();
  void wait_for_it();
  void wake(int count);
  bool wait_while(uint32_t word, bool is_short);

  uint32_t take_word() {
    const uint32_t word = word_;
    word_ = kFree;
    return word;
  }

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
