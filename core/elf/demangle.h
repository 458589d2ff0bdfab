#pragma once
#include <cstddef>

namespace heaptag::elf {
inline bool demangle(const char*, char*, size_t) {
  return false;
}
}  // namespace heaptag::elf
