// Time, without libc.
// Layer: core/os.  Signals: safe.  errno: never touched.
#pragma once

#include "core/base/types.h"

namespace heaptag::os {

/// Nanoseconds of CLOCK_MONOTONIC.
uint64_t monotonic_ns();

/// Milliseconds of CLOCK_MONOTONIC_COARSE: cheap, and exact to a timer tick.
uint64_t coarse_ms();

/// The lower half of that, for differences of less than 24 days.
inline uint32_t short_ms() {
  return static_cast<uint32_t>(coarse_ms());
}

/// Nanoseconds since the epoch, UTC.
uint64_t realtime_ns();

/// Lets others run for about so long, or until a signal comes.
void sleep_ns(uint64_t duration_ns);

}  // namespace heaptag::os
