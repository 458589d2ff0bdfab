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

/// Has the CPU the instruction? Asked once.
bool has_crc();

/// If one byte has changed since the sum was `then`: which one, and what it was. False when no
/// single byte explains it, or several could: the larger the block, the likelier. Slow.
bool find_changed_byte(
    const void* data, size_t size_bytes, uint32_t then, size_t* offset, uint8_t* was);

/// checksum() where has_crc(), in line.
[[gnu::always_inline]] inline uint32_t crc_checksum(const void* data, size_t size_bytes) {
  const auto step = [](uint64_t state, uint64_t word) {
    __asm__("crc32q %1, %0" : "+r"(state) : "rm"(word));
    return state;
  };
  const auto* words = static_cast<const uint64_t*>(data);
  const uint64_t* end = words + size_bytes / sizeof(uint64_t);
  uint64_t a = 0x48544147;  // the sum of nothing is not 0
  uint64_t b = 1;
  uint64_t c = 2;
  uint64_t d = 3;
  if ((size_bytes & 16) != 0) {
    a = step(a, words[0]);
    b = step(b, words[1]);
    words += 2;
  }
  for (; words != end; words += 4) {
    a = step(a, words[0]);
    b = step(b, words[1]);
    c = step(c, words[2]);
    d = step(d, words[3]);
  }
  return static_cast<uint32_t>(step(step(a, b | c << 32), d));
}

}  // namespace heaptag::safety
