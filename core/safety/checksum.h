// Checksums of blocks. A change within 32 bits always changes the sum, any other one does but for
// one in 2^32. Layer: core/safety.  Allocates: no.  Signals: safe.
// Source: CRC-32C (Castagnoli), RFC 3720 B.4, over four interleaved streams of words, which keep
// the unit busy that computes it; a multiplicative hash where the CPU has none.
#pragma once

#include "core/base/types.h"

namespace heaptag::safety {

/// Pre: `size_bytes` is a multiple of 16, `data` is aligned to 16 bytes.
uint32_t checksum(const void* data, size_t size_bytes);

/// The sum for CPUs without the instruction: any change is found but for one in 2^32.
uint32_t plain_checksum(const void* data, size_t size_bytes);

}  // namespace heaptag::safety
