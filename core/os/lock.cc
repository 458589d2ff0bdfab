#include "core/os/lock.h"

#include <linux/futex.h>

#include "core/os/syscall.h"

namespace heaptag::os {

namespace {

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
