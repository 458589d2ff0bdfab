// A process that runs: is it under heaptag, and may we read it?
#pragma once

#include <sys/types.h>

#include <string>

#include "tools/doctor/finding.h"
#include "tools/doctor/program_facts.h"

namespace heaptag::tools {

/// The process that the user means: a pid, or the name of a program that runs once.
/// Errors: throws TargetError: there is none, there are several, it has ended.
pid_t find_process(const std::string& word);

enum class Preload { kYes, kNo, kUnknown };

/// Whether our library is in it, since when, and in how many of its children.
Finding check_preloaded(pid_t pid, const ProgramFacts& program, Preload& preload);

/// Is what it runs with the library beside this command?
Finding check_same_build(pid_t pid);

/// Reads it for real. Appends what the report knows: rules that matched nothing.
Findings check_access(pid_t pid);

/// What comes before our library in its LD_PRELOAD and takes malloc.
Findings check_its_preloads(const ProgramFacts& program);

/// Where its exit report goes, and HEAPTAG_* that are unknown or wrong.
Findings check_its_settings(pid_t pid, const ProgramFacts& program);

/// The container it is in, when that is another than ours: nothing else.
Findings check_container(pid_t pid);

}  // namespace heaptag::tools
