// How far a mistyped word is from a known one. Layer: core/base.
#pragma once

#include <cstddef>
#include <string_view>

namespace heaptag {

/// Longer words are far from everything: nobody mistypes those.
inline constexpr size_t kLongestWord = 40;

/// The fewest edits (insert, drop, replace a character, swap two neighbours) that make one word the
/// other; kLongestWord when one is longer than that. Cost: O(a * b).
size_t edit_distance(std::string_view a, std::string_view b);

}  // namespace heaptag
