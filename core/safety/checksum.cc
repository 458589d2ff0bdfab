#include "core/safety/checksum.h"

namespace heaptag::safety {

namespace {

constexpr uint64_t kFactor = 0x9E3779B97F4A7C15U;
constexpr uint32_t kStart = 0x48544147;  // that of nothing is not 0

__attribute__((target("sse4.2"))) uint32_t crc_checksum(const uint64_t* words, size_t count) {
  uint64_t a = kStart;
  uint64_t b = 1;
  uint64_t c = 2;
  uint64_t d = 3;
  const uint64_t* end = words + (count & ~size_t{3});
  for (; words != end; words += 4) {
    a = __builtin_ia32_crc32di(a, words[0]);
    b = __builtin_ia32_crc32di(b, words[1]);
    c = __builtin_ia32_crc32di(c, words[2]);
    d = __builtin_ia32_crc32di(d, words[3]);
  }
  if ((count & 2) != 0) {
    a = __builtin_ia32_crc32di(a, words[0]);
    b = __builtin_ia32_crc32di(b, words[1]);
  }
  a = __builtin_ia32_crc32di(a, b | c << 32);
  return static_cast<uint32_t>(__builtin_ia32_crc32di(a, d));
}

}  // namespace

uint32_t plain_checksum(const void* data, size_t size_bytes) {
  const auto* words = static_cast<const uint64_t*>(data);
  uint64_t a = kStart;
  uint64_t b = kFactor;
  // Each step can be undone, so that no single change is lost.
  for (size_t i = 0; i < size_bytes / sizeof(uint64_t); i += 2) {
    a = (a ^ words[i]) * kFactor;
    a ^= a >> 32;
    b = (b ^ words[i + 1]) * kFactor;
    b ^= b >> 32;
  }
  const uint64_t sum = (a ^ (b << 31 | b >> 33)) * kFactor;
  return static_cast<uint32_t>(sum >> 32);
}

uint32_t checksum(const void* data, size_t size_bytes) {
  // What __builtin_cpu_supports looks at is filled by a constructor of libgcc: ask the CPU itself
  // once.
  static constinit int has_crc = 0;
  int has = __atomic_load_n(&has_crc, __ATOMIC_RELAXED);
  if (__builtin_expect(has == 0, 0)) {
    uint32_t leaf = 1;
    uint32_t features = 0;
    __asm__("cpuid" : "+a"(leaf), "=c"(features) : : "ebx", "edx");
    constexpr uint32_t kSse42 = 1U << 20;
    has = (features & kSse42) != 0 ? 1 : -1;
    __atomic_store_n(&has_crc, has, __ATOMIC_RELAXED);
  }
  return __builtin_expect(has > 0, 1)
             ? crc_checksum(static_cast<const uint64_t*>(data), size_bytes / sizeof(uint64_t))
             : plain_checksum(data, size_bytes);
}

}  // namespace heaptag::safety
