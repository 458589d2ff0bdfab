// What the machine, or the surroundings of a process, allow.
#pragma once

#include <sys/types.h>

#include <string>

#include "tools/doctor/finding.h"

namespace heaptag::tools {

/// Limits on memory that hold for a process; 0 is ourselves.
Finding check_memory(pid_t pid);

/// May processes be read here: Yama's scope, the system call, seccomp?
Finding check_reading();

/// The kernel's ptrace scope (Yama); 0 without one.
uint64_t ptrace_scope();

/// Kernel, C library, command and library, and whether these two are of one version.
Findings check_versions();

/// Other copies of heaptag in the usual places.
Findings check_other_copies();

/// Are there debug files, and who would be asked for them?
Finding check_debug_files();

/// May reports be written here?
Finding check_folders();

/// Runs /bin/true with the library and reads its report.
Finding try_preloading();

}  // namespace heaptag::tools
