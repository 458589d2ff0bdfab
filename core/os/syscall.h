// Raw x86-64 Linux system calls: no errno, no cancellation point, no libc wrapper that another
// preload may own. Layer: core/os.  Returns the kernel's value: negative errno on failure. Signals:
// safe.
#pragma once

#include <sys/syscall.h>

namespace heaptag::os {

inline long raw_syscall(
    long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0, long f = 0) {
  long result;
  register long r10 asm("r10") = d;
  register long r8 asm("r8") = e;
  register long r9 asm("r9") = f;
  asm volatile("syscall"
               : "=a"(result)
               : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
               : "rcx", "r11", "memory");
  return result;
}

inline bool is_error(long result) {
  return static_cast<unsigned long>(result) >= -4095UL;
}

}  // namespace heaptag::os
