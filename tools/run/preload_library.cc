#include "tools/run/preload_library.h"

#include <sys/auxv.h>
#include <unistd.h>

#include <filesystem>
#include <system_error>

namespace heaptag::tools {

PreloadLibrary find_preload_library() {
  PreloadLibrary found;
  std::error_code error;
  std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) {  // no /proc: the path that was executed
    const auto* path = reinterpret_cast<const char*>(getauxval(AT_EXECFN));
    self = std::filesystem::absolute(path == nullptr ? "heaptag" : path, error);
  }
  for (const char* place : {".", "../lib", "../lib/x86_64-linux-gnu", "../lib64"}) {
    const auto path = (self.parent_path() / place / "libheaptag.so").lexically_normal();
    if (access(path.c_str(), R_OK) == 0) {
      found.path = path.string();
      return found;
    }
    found.looked.push_back(path.string());
  }
  return found;
}

std::string find_strings_library(const std::string& library) {
  const auto path = std::filesystem::path(library).parent_path() / "libheaptag-strings.so";
  return access(path.c_str(), R_OK) == 0 ? path.string() : "";
}

bool can_be_preloaded(const std::string& path) {
  return path.find_first_of(" \t\n:") == std::string::npos;
}

}  // namespace heaptag::tools
