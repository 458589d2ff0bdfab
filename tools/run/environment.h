// The environment of the program: ours, with LD_PRELOAD and HEAPTAG_* changed. Everything else
// stays as it is, in its order, duplicates and odd entries included.
#pragma once

#include <string>
#include <vector>

namespace heaptag::tools {

class ProgramEnvironment {
 public:
  /// Starts from the environment of this process.
  ProgramEnvironment();

  /// Replaces the variable where it stands, or appends it.
  void set(const std::string& name, const std::string& value);

  void unset(const std::string& name);

  /// Returns the value, or "" when there is none.
  [[nodiscard]] std::string get(const std::string& name) const;

  /// Puts `library` first in LD_PRELOAD unless it is there already.
  void prepend_preload(const std::string& library);

  /// Lends the array that execve wants, valid until the next change.
  char* const* data();

 private:
  std::vector<std::string> entries_;
  std::vector<char*> pointers_;
};

}  // namespace heaptag::tools
