// What every workload of bench/micro shares: the random numbers (own, so that no C++ library
// changes the work), the --smoke scale and the check line. Nothing here allocates, and no address
// ever enters a check: two allocators that do the same work print the same line.
#pragma once

#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace bench {

/// xorshift64* (Vigna 2014). One per thread; equal seeds give equal work.
class Rng {
 public:
  explicit Rng(uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15ULL + 0x2545f4914f6cdd1dULL) {
    next();
    next();
  }

  uint64_t next() {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return state_ * 0x2545f4914f6cdd1dULL;
  }

  /// Uniform in [0, bound) without a division; the bias is below 2^-32 for the bounds used here.
  uint32_t below(uint32_t bound) { return static_cast<uint32_t>(((next() >> 32) * bound) >> 32); }

  /// A size whose logarithm falls off geometrically: half of all draws in [smallest, 2 smallest),
  /// a quarter in the next octave, and so on up to `octaves`. That is how sizes in real programs
  /// look.
  uint32_t power_law(uint32_t smallest, uint32_t octaves) {
    const uint64_t bits = next();
    const uint32_t octave = static_cast<uint32_t>(__builtin_ctzll(bits | (1ULL << (octaves - 1))));
    const uint32_t base = smallest << octave;
    return base + static_cast<uint32_t>(((bits >> 32) * base) >> 32);
  }

 private:
  uint64_t state_;
};

/// Folds what a workload read back from its blocks into one number.
class Check {
 public:
  void add(uint64_t value) { sum_ = (sum_ ^ value) * 0x100000001b3ULL + 1; }

  uint64_t value() const { return sum_; }

 private:
  uint64_t sum_ = 0xcbf29ce484222325ULL;
};

/// The compiler must assume that the pointed-to memory is read and written here.
inline void keep(void* block) {
  asm volatile("" : : "g"(block) : "memory");
}

[[noreturn]] inline void fail(const char* what) {
  std::fprintf(stderr, "bench: %s\n", what);
  std::exit(1);
}

inline void* must_malloc(std::size_t size) {
  void* block = std::malloc(size);
  if (block == nullptr) {
    fail("malloc failed");
  }
  return block;
}

/// Marks both ends of a block (at least 1 byte), so that overlapping blocks are noticed on free.
inline void stamp(void* block, std::size_t size, uint8_t mark) {
  auto* bytes = static_cast<uint8_t*>(block);
  bytes[0] = mark;
  bytes[size - 1] = mark;
}

inline uint8_t check_stamp(const void* block, std::size_t size) {
  const auto* bytes = static_cast<const uint8_t*>(block);
  if (bytes[0] != bytes[size - 1]) {
    fail("a live block was overwritten");
  }
  return bytes[0];
}

/// The amount of work: `full` for a measurement, `smoke` with --smoke, N with --work N.
inline uint64_t work(int argc, char** argv, uint64_t full, uint64_t smoke) {
  if (argc == 1) {
    return full;
  }
  if (argc == 2 && std::strcmp(argv[1], "--smoke") == 0) {
    return smoke;
  }
  if (argc == 3 && std::strcmp(argv[1], "--work") == 0) {
    return std::strtoull(argv[2], nullptr, 10);
  }
  std::fprintf(stderr, "usage: %s [--smoke | --work N]\n", argv[0]);
  std::exit(2);
}

inline int finish(const char* name, uint64_t operations, uint64_t check) {
  std::printf("%s: %" PRIu64 " operations, check %016" PRIx64 "\n", name, operations, check);
  return 0;
}

}  // namespace bench
