#include "core/os/lock.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <time.h>

#include "core/os/clock.h"
#include "core/os/syscall.h"

namespace heaptag::os {

namespace {

constexpr uint64_t kNanosecondsPerSecond = 1'000'000'000;

// A fork of a few gigabytes takes less, unless it waits for somebody who waits for us.
constexpr long kForkPatienceNs = 200'000'000;

// The thread control block's address names a thread without a system call.
constinit void* forking_thread = nullptr;

bool i_am_forking() {
  void* thread = __atomic_load_n(&forking_thread, __ATOMIC_RELAXED);
  return __builtin_expect(thread != nullptr, 0) && thread == __builtin_thread_pointer();
}

}  // namespace

void fork_begin() {
  __atomic_store_n(&forking_thread, __builtin_thread_pointer(), __ATOMIC_RELAXED);
}

void fork_end() {
  __atomic_store_n(&forking_thread, nullptr, __ATOMIC_RELAXED);
}

void Lock::acquire_slow() {
  if (!i_am_forking()) {
    wait_for_it();
  }
}

void Lock::wait_for_it() {
  for (int spin = 0; spin < 100; ++spin) {
    if (try_acquire()) {
      return;
    }
    __builtin_ia32_pause();
  }
  bool has_waited_long = false;
  for (;;) {
    const bool during_fork = __atomic_load_n(&forking_thread, __ATOMIC_RELAXED) != nullptr;
    uint32_t word = __atomic_load_n(&word_, __ATOMIC_RELAXED);
    const bool borrows = word == kContended && during_fork && has_waited_long;
    if (word == kFree || word == kHeld || borrows) {
      const uint32_t wanted = borrows ? kBorrowed : kContended;
      if (__atomic_compare_exchange_n(&word_, &word, wanted, false, __ATOMIC_ACQUIRE,
                                      __ATOMIC_RELAXED) &&
          word != kHeld) {
        return;
      }
      continue;
    }
    has_waited_long = wait_while(word, during_fork) && during_fork;
  }
}

bool Lock::wait_while(uint32_t word, bool is_short) {
  const timespec limit{0, kForkPatienceNs};
  return raw_syscall(SYS_futex, reinterpret_cast<long>(&word_), FUTEX_WAIT_PRIVATE, word,
                     is_short ? reinterpret_cast<long>(&limit) : 0) == -ETIMEDOUT;
}

bool Lock::acquire_within(uint64_t limit_ns) {
  if (try_acquire() || i_am_forking()) {
    return true;
  }
  const uint64_t deadline = monotonic_ns() + limit_ns;
  for (;;) {
    uint32_t word = __atomic_load_n(&word_, __ATOMIC_RELAXED);
    if (word == kFree || word == kHeld) {
      if (__atomic_compare_exchange_n(&word_, &word, kContended, false, __ATOMIC_ACQUIRE,
                                      __ATOMIC_RELAXED) &&
          word == kFree) {
        return true;
      }
      continue;
    }
    const uint64_t now = monotonic_ns();
    if (now >= deadline) {
      return false;
    }
    const timespec rest{static_cast<time_t>((deadline - now) / kNanosecondsPerSecond),
                        static_cast<long>((deadline - now) % kNanosecondsPerSecond)};
    raw_syscall(SYS_futex, reinterpret_cast<long>(&word_), FUTEX_WAIT_PRIVATE, word,
                reinterpret_cast<long>(&rest));
  }
}

void Lock::release() {
  if (i_am_forking()) {
    return;
  }
  if (__builtin_expect(__atomic_load_n(&word_, __ATOMIC_RELAXED) == kBorrowed, 0)) {
    __atomic_store_n(&word_, kContended, __ATOMIC_RELEASE);
    wake(INT_MAX);  // the forking thread may be among those who wait
  } else if (__atomic_exchange_n(&word_, kFree, __ATOMIC_RELEASE) == kContended) {
    wake(1);
  }
}

void Lock::acquire_for_fork() {
  if (!try_acquire()) {
    wait_for_it();
  }
}

void Lock::release_after_fork() {
  uint32_t word = __atomic_load_n(&word_, __ATOMIC_RELAXED);
  do {
    for (; word == kBorrowed; word = __atomic_load_n(&word_, __ATOMIC_RELAXED)) {
      wait_while(word, false);
    }
  } while (!__atomic_compare_exchange_n(&word_, &word, kFree, false, __ATOMIC_ACQ_REL,
                                        __ATOMIC_RELAXED));
  if (word == kContended) {
    wake(1);
  }
}

void Lock::wake(int count) {
  raw_syscall(SYS_futex, reinterpret_cast<long>(&word_), FUTEX_WAKE_PRIVATE, count);
}

}  // namespace heaptag::os
