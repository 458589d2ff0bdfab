// The whole text of a small file.
#pragma once

#include <fstream>
#include <iterator>
#include <string>

namespace heaptag::tools {

/// "" when it cannot be read.
inline std::string read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

}  // namespace heaptag::tools
