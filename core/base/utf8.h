// Reading bytes that should be UTF-8 and may be anything: arguments, paths and symbol names come
// from strangers. Layer: core/base.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace heaptag {

/// What decoding shows in place of bytes that are no character.
inline constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

/// One character at the start of a text. `length_bytes` is 0 only for an empty text. Of a broken
/// one it counts the bytes that one replacement character stands for, as the Unicode standard
/// (chapter 3, "maximal subpart") recommends.
struct Utf8Char {
  uint32_t code_point;
  uint8_t length_bytes;
  bool valid;
};

/// Decodes the first character. Overlong forms, surrogates and values above U+10FFFF are invalid.
Utf8Char decode_utf8(std::string_view text);

/// The number of columns on a terminal, every character counted as one.
size_t count_columns(std::string_view text);

/// The length of the first characters, `columns` of them or all there are.
size_t bytes_of_columns(std::string_view text, size_t columns);

}  // namespace heaptag
