// The list of wrappers as it is looked up: patterns sorted by their literal parts, and small
// filters in front of them. Made at compile time, without a pointer in it (nothing to relocate).
// Layer: core/tag.  Only wrapper_names.cc includes it.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "core/base/sort.h"
#include "core/tag/wrapper_list.h"

namespace heaptag::tag {

/// The text that patterns point into.
inline constexpr auto kWrapperText = [] {
  std::array<char, list::kDraft.text_size> text = {};
  for (size_t i = 0; i < text.size(); ++i) {
    text[i] = list::kDraft.text[i];
  }
  return text;
}();

/// Which characters names begin or end with: no means no.
template <size_t kBits>
struct KeyFilter {
  uint64_t words[kBits / 64] = {};

  static constexpr size_t slot(uint64_t key) {
    return static_cast<size_t>(key * 0x9E3779B97F4A7C15 >> 40) % kBits;
  }

  constexpr void add(uint64_t key) { words[slot(key) / 64] |= uint64_t{1} << slot(key) % 64; }

  constexpr bool may_have(uint64_t key) const {
    return (words[slot(key) / 64] >> slot(key) % 64 & 1) != 0;
  }
};

/// Up to eight characters as a number, the first in its lowest byte.
constexpr uint64_t key_of(std::string_view text) {
  uint64_t key = 0;
  for (size_t i = 0; i < text.size() && i < 8; ++i) {
    key |= uint64_t{static_cast<uint8_t>(text[i])} << 8 * i;
  }
  return key;
}

/// The same so that numbers have the order of the texts.
constexpr uint64_t reversed(uint64_t key) {
  return __builtin_bswap64(key);
}

constexpr uint64_t first_four(uint64_t key) {
  return key & 0xFFFFFFFF;
}

constexpr uint64_t key_of_sixteen(uint64_t first_eight, uint64_t second_eight) {
  return first_eight * 0xFF51AFD7ED558CCD ^ second_eight;
}

/// One table, as large as it has to be. A name can only be in it when `four` has its first four
/// characters, and one of the others as many as it looks at.
template <WrapperTable kTable>
struct WrapperPatterns {
  static constexpr size_t kCount = list::kDraft.counts[kTable];
  static constexpr bool kIsTails = kTable == kCTails || kTable == kCxxTails;

  std::array<WrapperPattern, kCount> patterns = {};  // heads by their literals
  std::array<uint64_t, kCount> keys = {};            // of the literals, in the order of text
  KeyFilter<4096> four;        // the first of all heads, the last of all tails
  KeyFilter<4096> short_four;  // of heads that go on with a * before their eighth
  KeyFilter<8192> eight;       // of those up to their sixteenth; whole names with zeros behind
  KeyFilter<8192> sixteen;     // of all others

  consteval WrapperPatterns() {
    std::array<Item, kCount> items = {};
    for (size_t i = 0; i < kCount; ++i) {
      const std::string_view literal = literal_of(list::kDraft.patterns[kTable][i]);
      items[i] = {reversed(key_of(literal)), static_cast<uint16_t>(i), literal};
    }
    sort_in_place(items.data(), kCount, [](const Item& a, const Item& b) {
      const int order = a.key == b.key ? a.literal.compare(b.literal) : (a.key < b.key ? -1 : 1);
      return order != 0 ? order < 0 : a.index < b.index;
    });
    for (size_t i = 0; i < kCount; ++i) {
      keys[i] = items[i].key;
      patterns[i] = list::kDraft.patterns[kTable][items[i].index];
      if (kIsTails) {
        four.add(key_of(items[i].literal.substr(items[i].literal.size() - kMinLiteral)));
      } else {
        patterns[i].shorter = find_shorter(i);
        add_head(patterns[i]);
      }
    }
  }

 private:
  struct Item {
    uint64_t key = 0;
    uint16_t index = 0;
    std::string_view literal;
  };

  static constexpr std::string_view literal_of(const WrapperPattern& pattern) {
    const size_t skipped = kIsTails ? size_t{pattern.size} - pattern.literal_size : 0;
    return {list::kDraft.text + pattern.begin + skipped, pattern.literal_size};
  }

  constexpr uint16_t find_shorter(size_t index) const {
    uint16_t before = static_cast<uint16_t>(index - 1);  // kNoPattern in front of the first
    while (before != kNoPattern &&
           !literal_of(patterns[index]).starts_with(literal_of(patterns[before]))) {
      before = patterns[before].shorter;
    }
    return before;
  }

  constexpr void add_head(const WrapperPattern& pattern) {
    const std::string_view literal = literal_of(pattern);
    const uint64_t key = key_of(literal);
    four.add(first_four(key));
    if (literal.size() >= 16) {
      sixteen.add(key_of_sixteen(key, key_of(literal.substr(8))));
    } else if (literal.size() >= 8 || pattern.size == pattern.literal_size) {
      eight.add(key);
    } else {
      short_four.add(first_four(key));
    }
  }
};

}  // namespace heaptag::tag
