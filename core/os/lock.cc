#include "core/os/lock.h"

#include <linux/futex.h>
#include <time.h>

#include "core/os/clock.h"
#include "core/os/syscall.h"

namespace heaptag::os {

namespace {

constexpr uint64_t kNanosecondsPerSecond = 1'000'000'000;

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
  while (__atomic_exchange_n(&word_, kContended, __ATOMIC_ACQUIRE) != kFree) {
    raw_syscall(SYS_futex, reinterpret_cast<long>(&word_), FUTEX_WAIT_PRIVATE, kContended, 0);
  }
}

bool Lock::acquire_within(uint64_t limit_ns) {
  if (try_acquire() || i_am_forking()) {
    return true;
  }
  const uint64_t deadline = monotonic_ns() + limit_ns;
  while (__atomic_exchange_n(&word_, kContended, __ATOMIC_ACQUIRE) != kFree) {
    const uint64_t now = monotonic_ns();
    if (now >= deadline) {
      return false;
    }
    const timespec rest{static_cast<time_t>((deadline - now) / kNanosecondsPerSecond),
                        static_cast<long>((deadline - now) % kNanosecondsPerSecond)};
    raw_syscall(SYS_futex, reinterpret_cast<long>(&word_), FUTEX_WAIT_PRIVATE, kContended,
                reinterpret_cast<long>(&rest));
  }
  return true;
}

void Lock::release() {
  if (!i_am_forking()) {
    release_after_fork();
  }
}

void Lock::acquire_for_fork() {
  if (!try_acquire()) {
    wait_for_it();
  }
}

void Lock::release_after_fork() {
  if (__atomic_exchange_n(&word_, kFree, __ATOMIC_RELEASE) == kContended) {
    wake_one();
  }
}

void Lock::wake_one() {
  raw_syscall(SYS_futex, reinterpret_cast<long>(&word_), FUTEX_WAKE_PRIVATE, 1);
}

}  // namespace heaptag::os
