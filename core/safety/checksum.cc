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

// Of an odd factor, modulo 2^32: each step doubles the bits that are right.
constexpr uint32_t inverse_of(uint32_t factor) {
  uint32_t inverse = factor;
  for (unsigned i = 0; i < 5; ++i) {
    inverse *= 2 - factor * inverse;
  }
  return inverse;
}

static_assert(inverse_of(kStreamFactors[0]) * kStreamFactors[0] == 1);
static_assert(inverse_of(kStreamFactors[3]) * kStreamFactors[3] == 1);

// Which of the 255 changes of a byte, whose bits change the sum by these, change it by `wanted`? 0:
// none. It is one at most, because no change within 32 bits leaves the sum as it is.
uint8_t change_of_byte(const uint64_t* bits, uint32_t wanted) {
  uint64_t sum = 0;
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

uint32_t state_of_stream(const uint64_t* words, const Streams& streams, unsigned lane) {
  uint64_t state = kStreamStarts[lane];
  for (size_t i = 0; i < streams.count(lane); ++i) {
    state = step(state, words[streams.word(lane, i)]);
  }
  return static_cast<uint32_t>(state);
}

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
  if (!has_crc() || checksum(data, size_bytes) == then) {
    return false;
  }
  const Streams streams{size_bytes};
  uint32_t now[kLanes];
  uint32_t sum = 0;
  for (unsigned lane = 0; lane < kLanes; ++lane) {
    now[lane] = state_of_stream(static_cast<const uint64_t*>(data), streams, lane);
    sum ^= now[lane] * kStreamFactors[lane];
  }
  bool is_found = false;
  for (unsigned lane = 0; lane < kLanes; ++lane) {
    // What this stream must have said if the others have not changed.
    const uint32_t rest = sum ^ now[lane] * kStreamFactors[lane];
    const uint32_t wanted = now[lane] ^ (then ^ rest) * inverse_of(kStreamFactors[lane]);
    uint64_t bits[kWordBits];  // what each bit of a word makes of the stream
    for (unsigned bit = 0; bit < kWordBits; ++bit) {
      bits[bit] = step(0, uint64_t{1} << bit);
    }
    for (size_t index = streams.count(lane); index-- > 0;) {
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
      for (uint64_t& bit : bits) {
        bit = step(bit, 0);
      }
    }
  }
  return is_found;
}

}  // namespace heaptag::safety
