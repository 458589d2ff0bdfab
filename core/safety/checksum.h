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

// The sum of nothing, or of zeros, is not 0.
inline constexpr uint64_t kStreamStarts[] = {0x48544147, 1, 2, 3};

// Odd: what one stream says can be found out from the sum and the other three. Were the streams
// joined by further CRC, a change would look like one of another stream somewhat later.
inline constexpr uint32_t kStreamFactors[] = {0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D, 0x27D4EB2F};

constexpr uint32_t merge_streams(uint32_t a, uint32_t b, uint32_t c, uint32_t d) {
  return a * kStreamFactors[0] ^ b * kStreamFactors[1] ^ c * kStreamFactors[2] ^
         d * kStreamFactors[3];
}

/// checksum() where has_crc(), in line.
[[gnu::always_inline]] inline uint32_t crc_checksum(const void* data, size_t size_bytes) {
  const auto step = [](uint64_t state, uint64_t word) {
    __asm__("crc32q %1, %0" : "+r"(state) : "rm"(word));
    return state;
  };
  const auto* words = static_cast<const uint64_t*>(data);
  const uint64_t* end = words + size_bytes / sizeof(uint64_t);
  uint64_t a = kStreamStarts[0];
  uint64_t b = kStreamStarts[1];
  uint64_t c = kStreamStarts[2];
  uint64_t d = kStreamStarts[3];
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
  return merge_streams(static_cast<uint32_t>(a), static_cast<uint32_t>(b), static_cast<uint32_t>(c),
                       static_cast<uint32_t>(d));
}

}  // namespace heaptag::safety
