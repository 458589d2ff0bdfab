// A directory that only we can look into, gone when we are: where the program leaves its report.
#pragma once

#include <string>
#include <vector>

namespace heaptag::tools {

class PrivateDir {
 public:
  /// Makes it under TMPDIR, else /tmp, with mode 0700. On failure `path` is "" and `error` set.
  PrivateDir();
  ~PrivateDir();
  PrivateDir(const PrivateDir&) = delete;
  PrivateDir& operator=(const PrivateDir&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }

  [[nodiscard]] const std::string& parent() const { return parent_; }

  [[nodiscard]] int error() const { return error_; }

  /// Full paths of the regular files in it, sorted by name.
  [[nodiscard]] std::vector<std::string> files() const;

 private:
  std::string parent_;
  std::string path_;
  int error_ = 0;
};

}  // namespace heaptag::tools
