// A report of a process that runs, or is stopped, read from outside.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "tools/model/report.h"

namespace heaptag::tools {

/// Reads all of it. Functions, files and lines are not looked for: owners have no names yet.
/// Errors: throws LiveError.
Report read_live_process(pid_t pid);

struct HeaptaggedProcess {
  pid_t pid = 0;
  std::string program;
};

/// All that may be looked at, by pid.
std::vector<HeaptaggedProcess> heaptagged_processes();

}  // namespace heaptag::tools
