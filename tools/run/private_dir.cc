#include "tools/run/private_dir.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>

namespace heaptag::tools {

PrivateDir::PrivateDir() {
  const char* wanted = std::getenv("TMPDIR");
  std::error_code failure;
  // The program may change its directory before it writes: the path has to be absolute.
  parent_ =
      std::filesystem::absolute(wanted != nullptr && *wanted != '\0' ? wanted : "/tmp", failure)
          .string();
  std::string pattern = parent_ + "/heaptag-XXXXXX";
  if (mkdtemp(pattern.data()) == nullptr) {
    error_ = errno;
  } else {
    path_ = pattern;
  }
}

PrivateDir::~PrivateDir() {
  if (!path_.empty()) {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
}

std::vector<std::string> PrivateDir::files() const {
  std::vector<std::string> found;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(path_, error), end; !error && entry != end;
       entry.increment(error)) {
    std::error_code ignored;
    if (std::filesystem::is_regular_file(entry->symlink_status(ignored))) {
      found.push_back(entry->path().string());
    }
  }
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace heaptag::tools
