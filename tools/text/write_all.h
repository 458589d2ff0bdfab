// Writing to a descriptor to the end, whatever write(2) returns in between.
#pragma once

#include <unistd.h>

#include <cerrno>
#include <string_view>

namespace heaptag::tools {

/// Returns 0, or the errno of the write that failed.
inline int write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = write(fd, text.data(), text.size());
    if (written < 0) {
      if (errno == EINTR) {
        continue;
      }
      return errno;
    }
    text.remove_prefix(static_cast<size_t>(written));
  }
  return 0;
}

}  // namespace heaptag::tools
