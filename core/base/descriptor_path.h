// Paths that mean a descriptor of the process that uses them. Opened by name, a regular file behind
// one of them looks like any other file: it would be kept, or replaced. Layer: core/base.
#pragma once

#include <string_view>

#include "core/base/text.h"

namespace heaptag {

/// 1 for "/dev/stdout", 2 for "/dev/stderr", N for "/dev/fd/N" and "/proc/self/fd/N"; else -1.
constexpr int descriptor_of_path(std::string_view path) {
  if (path == "/dev/stdout") {
    return 1;
  }
  if (path == "/dev/stderr") {
    return 2;
  }
  for (const std::string_view folder : {"/dev/fd/", "/proc/self/fd/"}) {
    if (!path.starts_with(folder) || path.size() == folder.size() ||
        path.size() > folder.size() + 7) {
      continue;
    }
    int number = 0;
    for (const char digit : drop_first(path, folder.size())) {
      if (digit < '0' || digit > '9') {
        return -1;
      }
      number = number * 10 + (digit - '0');
    }
    return number;
  }
  return -1;
}

}  // namespace heaptag
