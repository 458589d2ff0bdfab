// Actions of signals as the kernel has them: libc's structure has another layout.
// Layer: core/os.  Signals: safe.  errno: never touched.
#pragma once

#include "core/base/types.h"
#include "core/os/syscall.h"

namespace heaptag::os {

struct KernelSigaction {
  void (*handler)(int);
  uint64_t flags;
  void (*restorer)();
  uint64_t mask;
};

inline constexpr uint64_t kFlagRestorer = 0x04000000;
inline constexpr uint64_t kAllSignals = ~uint64_t{0};

constexpr uint64_t bit_of(int number) {
  return uint64_t{1} << (number - 1);
}

/// Either may be null. Returns 0 or a negative errno.
inline long change_action(int number, const KernelSigaction* action, KernelSigaction* old) {
  return raw_syscall(SYS_rt_sigaction, number, reinterpret_cast<long>(action),
                     reinterpret_cast<long>(old), sizeof(uint64_t));
}

/// With where our handlers return to.
KernelSigaction own_action(void (*handler)(int), uint64_t flags, uint64_t mask);

/// Sends what a handler was told to the calling thread. Returns 0 or a negative errno.
long send_to_this_thread(int number, const void* info);

}  // namespace heaptag::os
