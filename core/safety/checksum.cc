#include "core/safety/checksum.h"

namespace heaptag::safety {

namespace {

constexpr uint64_t kFactor = 0x9E3779B97F4A7C15U;
constexpr unsigned kLanes = 4;
constexpr unsigned kWordBits = 64;
constexpr unsigned kWordBytes = 8;

bool ask_cpu() {
  // What __builtin_cpu_supports looks at is filled by a constructor of libgcc.
  uint32_t leaf = 1;
  uint32_t features = 0;
  __asm__("cpuid" : "+a"(leaf), "=c"(features) : : "ebx", "edx");
  constexpr uint32_t kSse42 = 1U << 20;
  return (features & kSse42) != 0;
}

uint64_t step(uint64_t state, uint64_t word) {
  __asm__("crc32q %1, %0" : "+r"(state) : "r"(word));
  return state;
}

// What a difference at the end of a stream makes of the sum. All of this is linear.
uint32_t merged(unsigned lane, uint64_t difference) {
  switch (lane) {
    case 0:
      return static_cast<uint32_t>(step(step(difference, 0), 0));
    case 1:
      return static_cast<uint32_t>(step(step(0, difference), 0));
    case 2:
      return static_cast<uint32_t>(step(step(0, difference << 32), 0));
    default:
      return static_cast<uint32_t>(step(0, difference));
  }
}

// Which of the 255 changes of a byte, whose bits change the sum by these, change it by `wanted`? 0:
// none. It is one at most, because no change within 32 bits leaves the sum as it is.
uint8_t change_of_byte(const uint32_t* bits, uint32_t wanted) {
  uint32_t sum = 0;
  uint8_t change = 0;
  for (unsigned i = 1; i < 256; ++i) {
    const unsigned flipped = static_cast<unsigned>(__builtin_ctz(i));  // Gray code
    sum ^= bits[flipped];
    change ^= static_cast<uint8_t>(1U << flipped);
    if (sum == wanted) {
      return change;
    }
  }
  return 0;
}

// Words of each stream, in the order in which it sees them.
struct Streams {
  size_t size_bytes;

  bool has_pair() const { return (size_bytes & 16) != 0; }

  size_t count(unsigned lane) const {
    return size_bytes / (kLanes * kWordBytes) + (has_pair() && lane < 2 ? 1 : 0);
  }

  size_t word(unsigned lane, size_t index) const {
    if (!has_pair()) {
      return index * kLanes + lane;
    }
    if (lane < 2) {
      return index == 0 ? lane : 2 + (index - 1) * kLanes + lane;
    }
    return 2 + index * kLanes + lane;
  }
};

}  // namespace

uint32_t plain_checksum(const void* data, size_t size_bytes) {
  const auto* words = static_cast<const uint64_t*>(data);
  uint64_t a = 1;
  uint64_t b = kFactor;
  // Each step can be undone, so that no single change is lost on the way.
  for (size_t i = 0; i < size_bytes / sizeof(uint64_t); i += 2) {
    a = (a ^ words[i]) * kFactor;
    a ^= a >> 32;
    b = (b ^ words[i + 1]) * kFactor;
    b ^= b >> 32;
  }
  const uint64_t sum = (a ^ (b << 31 | b >> 33)) * kFactor;
  return static_cast<uint32_t>(sum >> 32);
}

bool has_crc() {
  static constinit int known = 0;
  int has = __atomic_load_n(&known, __ATOMIC_RELAXED);
  if (__builtin_expect(has == 0, 0)) {
    has = ask_cpu() ? 1 : -1;
    __atomic_store_n(&known, has, __ATOMIC_RELAXED);
  }
  return has > 0;
}

uint32_t checksum(const void* data, size_t size_bytes) {
  return __builtin_expect(has_crc(), 1) ? crc_checksum(data, size_bytes)
                                        : plain_checksum(data, size_bytes);
}

bool find_changed_byte(
    const void* data, size_t size_bytes, uint32_t then, size_t* offset, uint8_t* was) {
  const uint32_t wanted = checksum(data, size_bytes) ^ then;
  if (!has_crc() || wanted == 0) {
    return false;
  }
  const Streams streams{size_bytes};
  bool is_found = false;
  for (unsigned lane = 0; lane < kLanes; ++lane) {
    uint64_t after[kWordBits];  // what each bit of a word has made of its stream
    for (unsigned bit = 0; bit < kWordBits; ++bit) {
      after[bit] = step(0, uint64_t{1} << bit);
    }
    for (size_t index = streams.count(lane); index-- > 0;) {
      uint32_t bits[kWordBits];
      for (unsigned bit = 0; bit < kWordBits; ++bit) {
        bits[bit] = merged(lane, after[bit]);
        after[bit] = step(after[bit], 0);
      }
      for (unsigned byte = 0; byte < kWordBytes; ++byte) {
        const uint8_t change = change_of_byte(bits + byte * 8, wanted);
        if (change == 0) {
          continue;
        }
        if (is_found) {
          return false;
        }
        is_found = true;
        *offset = streams.word(lane, index) * kWordBytes + byte;
        *was = static_cast<const uint8_t*>(data)[*offset] ^ change;
      }
    }
  }
  return is_found;
}

}  // namespace heaptag::safety
