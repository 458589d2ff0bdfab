#include "tools/model/source_path.h"

#include <filesystem>

namespace heaptag::tools {

namespace fs = std::filesystem;

std::string shorten_source_path(const std::string& file, const std::string& compile_dir) {
  const fs::path path = fs::path(file).lexically_normal();
  if (!path.is_absolute() || compile_dir.empty()) {
    // "../src/pixels.c" of a build directory that nobody recorded
    fs::path rest;
    for (const fs::path& part : path) {
      if (!rest.empty() || part != "..") {
        rest /= part;
      }
    }
    return rest.empty() ? file : rest.string();
  }
  const fs::path base = fs::path(compile_dir).lexically_normal();
  auto in_path = path.begin();
  auto in_base = base.begin();
  size_t common = 0;
  while (in_path != path.end() && in_base != base.end() && *in_path == *in_base) {
    ++in_path;
    ++in_base;
    ++common;
  }
  const bool is_below = in_base == base.end() || in_base->empty();
  // "/" and two directories: less in common is no tree (/usr, /home, /tmp).
  constexpr size_t kTreeParts = 3;
  if (common < (is_below ? 2 : kTreeParts) || in_path == path.end()) {
    return path.string();
  }
  fs::path rest;
  for (; in_path != path.end(); ++in_path) {
    rest /= *in_path;
  }
  return rest.string();
}

}  // namespace heaptag::tools
