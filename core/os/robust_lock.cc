#include "core/os/robust_lock.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>

#include "core/os/kernel_sigaction.h"
#include "core/os/syscall.h"

namespace heaptag::os {

namespace {

static_assert(sizeof(pthread_mutex_t) <= sizeof(RobustLock));

// How long to wait before asking whether the holder is there at all.
constexpr time_t kPatienceSeconds = 1;

// The kernel's layout of the word (FUTEX_TID_MASK).
constexpr uint32_t kOwnerMask = 0x3fffffff;

pthread_mutex_t* mutex_of(RobustLock* lock) {
  return reinterpret_cast<pthread_mutex_t*>(lock->storage);
}

uint32_t owner_of(RobustLock* lock) {
  const auto* word = reinterpret_cast<const uint32_t*>(lock->storage);
  return __atomic_load_n(word, __ATOMIC_RELAXED) & kOwnerMask;
}

// Does the thread exist? Signal 0 asks and sends nothing.
bool exists(uint32_t thread) {
  return thread != 0 && raw_syscall(SYS_tkill, thread, 0) != -ESRCH;
}

// Whom we have waited for in vain: the next call need not.
constinit uint32_t ghost = 0;

}  // namespace

bool make_robust_lock(RobustLock* lock) {
  pthread_mutexattr_t attributes;
  if (pthread_mutexattr_init(&attributes) != 0) {
    return false;
  }
  const bool made = pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED) == 0 &&
                    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST) == 0 &&
                    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK) == 0 &&
                    pthread_mutex_init(mutex_of(lock), &attributes) == 0;
  pthread_mutexattr_destroy(&attributes);
  return made;
}

Taken take(RobustLock* lock) {
  for (int silent = 0;;) {
    const uint32_t owner = owner_of(lock);
    if (owner != 0 && owner == __atomic_load_n(&ghost, __ATOMIC_RELAXED) && !exists(owner)) {
      return Taken::kBroken;
    }
    timespec until{};
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += kPatienceSeconds;
    switch (pthread_mutex_clocklock(mutex_of(lock), CLOCK_MONOTONIC, &until)) {
      case 0:
        return Taken::kYes;
      case EOWNERDEAD:
        return Taken::kFromDead;
      case EDEADLK:
        return Taken::kNested;
      case ETIMEDOUT:
        // The same twice: it may have changed hands between the two looks.
        silent = !exists(owner_of(lock)) && owner_of(lock) == owner ? silent + 1 : 0;
        if (silent < 2) {
          continue;
        }
        __atomic_store_n(&ghost, owner, __ATOMIC_RELAXED);
        return Taken::kBroken;
      default:
        return Taken::kBroken;
    }
  }
}

void mark_consistent(RobustLock* lock) {
  pthread_mutex_consistent(mutex_of(lock));
}

void give_back(RobustLock* lock) {
  pthread_mutex_unlock(mutex_of(lock));
}

uint64_t block_signals() {
  const uint64_t all = kAllSignals;
  uint64_t before = 0;
  raw_syscall(SYS_rt_sigprocmask, SIG_BLOCK, reinterpret_cast<long>(&all),
              reinterpret_cast<long>(&before), sizeof(all));
  return before;
}

}  // namespace heaptag::os
