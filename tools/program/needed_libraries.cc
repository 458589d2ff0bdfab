#include "tools/program/needed_libraries.h"

#include <sys/stat.h>

#include <sstream>
#include <string_view>

#include "tools/program/captured.h"

namespace heaptag::tools {
namespace {

std::string trimmed(const std::string& text) {
  const size_t begin = text.find_first_not_of(" \t");
  return begin == std::string::npos ? ""
                                    : text.substr(begin, text.find_last_not_of(" \t") + 1 - begin);
}

/// "libgone.so" of "...: error while loading shared libraries: libgone.so: cannot open shared
/// object file: ..."; "" of other messages.
std::string missing_in(const std::string& message) {
  constexpr std::string_view kBegin = "error while loading shared libraries: ";
  constexpr std::string_view kEnd = ": cannot open shared object file";
  const size_t begin = message.find(kBegin);
  const size_t end = message.find(kEnd);
  return begin == std::string::npos || end == std::string::npos || end < begin + kBegin.size()
             ? ""
             : message.substr(begin + kBegin.size(), end - begin - kBegin.size());
}

/// "/lib/x (0x7f...)" without its address.
std::string without_address(const std::string& text) {
  const size_t bracket = text.rfind(" (0x");
  return trimmed(text.substr(0, bracket));
}

}  // namespace

NeededLibraries parse_loader_list(const std::string& output, const std::string& preload) {
  NeededLibraries found;
  std::istringstream lines(output);
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with('\t')) {  // messages begin at the margin
      found.error = found.error.empty() ? line : found.error;
      if (const std::string missing = missing_in(line); !missing.empty()) {
        found.missing.push_back(missing);
      }
      continue;
    }
    const size_t arrow = line.find(" => ");
    const std::string name = trimmed(line.substr(0, arrow));
    const std::string path =
        without_address(arrow == std::string::npos ? line : line.substr(arrow + 4));
    if (path == "not found") {
      found.missing.push_back(name);
    } else if (!preload.empty() && path == preload) {
      found.is_preloadable = true;
    } else if (path.starts_with('/') && path.find("/ld-linux") == std::string::npos) {
      found.paths.push_back(path);
    }
  }
  return found;
}

NeededLibraries find_needed_libraries(const std::string& loader,
                                      const std::string& program,
                                      const std::string& preload) {
  struct stat status = {};
  if (stat(loader.c_str(), &status) != 0 || status.st_uid != 0) {
    return {};
  }
  std::vector<std::string> environment = plain_environment();
  if (!preload.empty()) {
    environment.push_back("LD_PRELOAD=" + preload);
  }
  // Without a slash the loader would look the name up among libraries.
  const std::string path = program.find('/') == std::string::npos ? "./" + program : program;
  const Captured listed = capture({loader, "--list", path}, environment);
  NeededLibraries found = parse_loader_list(listed.output, preload);
  found.killed_by_signal = listed.killed_by_signal;
  return found;
}

}  // namespace heaptag::tools
