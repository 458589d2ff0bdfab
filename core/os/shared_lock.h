// A lock in memory that processes share, each at an address of its own. Zero is unlocked.
// Layer: core/os.  Allocates: no.  errno: never touched.
//
// Whoever waits looks now and then whether the holder is still there: killed, executing something
// else, or ended as a thread. That works with any word that somebody may have written there by
// mistake, too, where the C library's robust mutexes would wait for ever or follow pointers.
#pragma once

#include "core/base/types.h"

namespace heaptag::os {

class SharedLock {
 public:
  enum class Taken {
    kYes,
    kFromTheDead,  // its holder died: what it protects may be half done
    kNot,          // this thread has it already: it was interrupted in there
  };

  /// Not recursive, and not for signal handlers: see kNot. Waits as long as the holder lives.
  [[nodiscard]] Taken acquire() {
    const uint64_t own = holder_word();
    uint64_t expected = 0;
    if (__builtin_expect(__atomic_compare_exchange_n(&word_, &expected, own, false,
                                                     __ATOMIC_ACQUIRE, __ATOMIC_RELAXED),
                         1)) {
      return Taken::kYes;
    }
    return acquire_slow(own);
  }

  void release();

  /// In a copy of the memory, whose lock nobody will give back.
  void forget_holder() { __atomic_store_n(&word_, 0, __ATOMIC_RELEASE); }

  /// In a forked child, before its first acquire: it is another thread now. For watch_unseen_forks,
  /// too.
  static void in_forked_child();

 private:
  // Low half: id of the thread, and whether others wait (the futex word). High half: which life.
  static constexpr uint64_t kWaiters = uint64_t{1} << 31;

  static uint64_t holder_word();
  Taken acquire_slow(uint64_t own);

  uint64_t word_ = 0;
};

}  // namespace heaptag::os
