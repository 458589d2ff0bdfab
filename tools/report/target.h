// What a command is about: a process, or a saved report.
#pragma once

#include <stdexcept>
#include <string>

#include "tools/command.h"
#include "tools/model/report.h"

namespace heaptag::tools {

/// One line for the user: why the target cannot be used.
class TargetError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct Target {
  pid_t pid = 0;     // 0: a file
  std::string path;  // of the file
};

/// A pid, the path of a file, or the name of a program that runs under heaptag once; "" is the only
/// heaptagged process. Errors: throws TargetError.
Target find_target(const std::string& word);

/// Reads the report of a target. `with_names`: functions, files and lines are looked for, and
/// owners are named. Errors: throws TargetError.
Report read_target(const Target& target, bool with_names);

}  // namespace heaptag::tools
