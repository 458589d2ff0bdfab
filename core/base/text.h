// Pieces of text without std::string_view::substr, whose range check calls into the C++ library:
// nothing that runs in the target may even be linked with that.
// Layer: core/base.
#pragma once

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

/// The part of a path behind its last slash, unless nothing is there; "" for null.
inline const char* base_name(const char* path) {
  if (path == nullptr) {
    return "";
  }
  const char* slash = std::strrchr(path, '/');
  return slash == nullptr || slash[1] == '\0' ? path : slash + 1;
}

}  // namespace heaptag
