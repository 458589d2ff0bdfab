#include "core/os/futex.h"

#include <limits.h>
#include <linux/futex.h>
#include <time.h>

#include "core/os/syscall.h"

namespace heaptag::os {

void wait_on(const uint32_t* word, uint32_t value, uint64_t limit_ns) {
  constexpr uint64_t kNanosecondsPerSecond = 1'000'000'000;
  const timespec limit{static_cast<time_t>(limit_ns / kNanosecondsPerSecond),
                       static_cast<long>(limit_ns % kNanosecondsPerSecond)};
  raw_syscall(SYS_futex, reinterpret_cast<long>(word), FUTEX_WAIT_PRIVATE, value,
              reinterpret_cast<long>(&limit));
}

void wake_all(uint32_t* word) {
  raw_syscall(SYS_futex, reinterpret_cast<long>(word), FUTEX_WAKE_PRIVATE, INT_MAX);
}

}  // namespace heaptag::os
