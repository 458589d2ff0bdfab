// Times as RFC 3339 text, UTC.
// Layer: core/base.
#pragma once

#include <cstdint>

namespace heaptag {

inline constexpr unsigned kRfc3339Bytes = 28;  // "2026-11-12T22:55:01.123Z" and its end

/// Writes "2026-11-12T22:55:01.123Z" and NUL. `since_epoch_ns`: CLOCK_REALTIME.
void write_rfc3339(uint64_t since_epoch_ns, char (&text)[kRfc3339Bytes]);

}  // namespace heaptag
