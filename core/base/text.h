// Pieces of text without std::string_view::substr, whose range check calls into the C++ library:
// nothing that runs in the target may even be linked with that.
// Layer: core/base.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace heaptag {

/// Everything behind the first `count` characters; empty when there are no more.
constexpr std::string_view drop_first(std::string_view text, size_t count) {
  text.remove_prefix(count < text.size() ? count : text.size());
  return text;
}

/// The first `count` characters, or all.
constexpr std::string_view take_first(std::string_view text, size_t count) {
  return {text.data(), count < text.size() ? count : text.size()};
}

/// Reads the digits that a text begins with; false when it begins with none ("max").
constexpr bool read_leading_number(std::string_view text, uint64_t* number) {
  uint64_t value = 0;
  size_t length = 0;
  for (; length < text.size() && text[length] >= '0' && text[length] <= '9'; ++length) {
    value = value * 10 + static_cast<uint64_t>(text[length] - '0');
  }
  if (length != 0) {
    *number = value;
  }
  return length != 0;
}

/// The part of a path behind its last slash, unless nothing is there; "" for null.
inline const char* base_name(const char* path) {
  if (path == nullptr) {
    return "";
  }
  const char* slash = std::strrchr(path, '/');
  return slash == nullptr || slash[1] == '\0' ? path : slash + 1;
}

}  // namespace heaptag
