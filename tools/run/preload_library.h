// Where libheaptag.so lies: beside the command (a build), or in the lib next to its bin.
#pragma once

#include <string>
#include <vector>

namespace heaptag::tools {

struct PreloadLibrary {
  std::string path;                 // "" when it was not found
  std::vector<std::string> looked;  // all places, in order
};

PreloadLibrary find_preload_library();

/// libheaptag-strings.so beside `library`; "" when it is not there.
std::string find_strings_library(const std::string& library);

/// LD_PRELOAD separates its entries by spaces and colons, with no way to quote one.
bool can_be_preloaded(const std::string& path);

}  // namespace heaptag::tools
