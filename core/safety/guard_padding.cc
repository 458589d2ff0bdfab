#include "core/safety/guard_padding.h"

#include <cstring>

#include "core/base/units.h"
#include "core/os/vm.h"

namespace heaptag::safety {

namespace {

// Neighbours differ, so that a run of one value is seen wherever it begins.
constexpr uint8_t pattern_at(uintptr_t address) {
  return static_cast<uint8_t>(0xA5 ^ (address & 7));
}

// Padding is less than a page: all of it is compared with this at once.
struct alignas(64) PatternPage {
  uint8_t bytes[os::kPageBytes];
};

constexpr PatternPage make_pattern() {
  PatternPage page{};
  for (size_t i = 0; i < sizeof(page.bytes); ++i) {
    page.bytes[i] = pattern_at(i);
  }
  return page;
}

constexpr PatternPage kPattern = make_pattern();

const uint8_t* pattern_for(uintptr_t at) {
  return kPattern.bytes + at % os::kPageBytes;
}

void fill(uintptr_t at, uintptr_t end) {
  std::memcpy(reinterpret_cast<void*>(at), pattern_for(at), end - at);
}

bool is_changed(uintptr_t at) {
  return *reinterpret_cast<const volatile uint8_t*>(at) != pattern_at(at);
}

/// The first byte that has changed, else `end`.
uintptr_t find_changed(uintptr_t at, uintptr_t end) {
  if (std::memcmp(reinterpret_cast<const void*>(at), pattern_for(at), end - at) == 0) {
    return end;
  }
  while (at != end && !is_changed(at)) {
    ++at;
  }
  return at;
}

/// From the first changed byte to the last.
GuardDamage look_at(uintptr_t begin, uintptr_t end, uintptr_t block) {
  const uintptr_t first = find_changed(begin, end);
  if (first == end) {
    return {0, 0};
  }
  uintptr_t last = end - 1;
  while (!is_changed(last) && last != first) {
    --last;
  }
  return {static_cast<ptrdiff_t>(first - block), last - first + 1};
}

uintptr_t pages_end(const GuardedBlock& block) {
  return block.pages_begin + block.page_count * os::kPageBytes;
}

constexpr uintptr_t kWord = 8;

}  // namespace

uint8_t padding_byte(uintptr_t address) {
  return pattern_at(address);
}

void fill_padding(const GuardedBlock& block) {
  if (block.page_count != 0) {
    fill(block.pages_begin, block.address);
    fill(block.end(), pages_end(block));
  }
}

GuardDamage look_at_padding(const GuardedBlock& block) {
  if (block.page_count == 0) {
    return {0, 0};
  }
  // Behind it first: what runs over the end is the common mistake.
  const GuardDamage behind = look_at(block.end(), pages_end(block), block.address);
  return behind.size_bytes != 0 ? behind : look_at(block.pages_begin, block.address, block.address);
}

uintptr_t watchable_word(const GuardedBlock& block) {
  if (block.page_count == 0) {
    return 0;
  }
  if (block.side == GuardSide::kEnd) {
    const uintptr_t end = block.address & ~(kWord - 1);
    return end - block.pages_begin >= kWord ? end - kWord : 0;
  }
  const uintptr_t begin = align_up(block.end(), kWord);
  return begin < pages_end(block) ? begin : 0;
}

uintptr_t first_change_beside(const GuardedBlock& block, uintptr_t word) {
  if (find_changed(word, word + kWord) == word + kWord) {
    return 0;
  }
  return block.side == GuardSide::kEnd ? find_changed(block.pages_begin, block.address)
                                       : find_changed(block.end(), pages_end(block));
}

}  // namespace heaptag::safety
