#include "core/os/clock.h"

#include <time.h>

#include "core/os/syscall.h"

namespace heaptag::os {

namespace {

uint64_t read_clock_ns(int clock) {
  timespec now{};
  raw_syscall(SYS_clock_gettime, clock, reinterpret_cast<long>(&now));
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000U + static_cast<uint64_t>(now.tv_nsec);
}

}  // namespace

uint64_t monotonic_ns() {
  return read_clock_ns(CLOCK_MONOTONIC);
}

uint64_t coarse_ms() {
  return read_clock_ns(CLOCK_MONOTONIC_COARSE) / 1'000'000U;
}

uint64_t realtime_ns() {
  return read_clock_ns(CLOCK_REALTIME);
}

void sleep_ns(uint64_t duration_ns) {
  const timespec duration{static_cast<time_t>(duration_ns / 1'000'000'000U),
                          static_cast<long>(duration_ns % 1'000'000'000U)};
  raw_syscall(SYS_nanosleep, reinterpret_cast<long>(&duration));
}

}  // namespace heaptag::os
