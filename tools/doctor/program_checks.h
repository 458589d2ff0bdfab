// What can be wrong with a program, each question by itself. None looks at the machine.
#pragma once

#include <optional>
#include <string>

#include "tools/doctor/finding.h"
#include "tools/doctor/program_facts.h"

namespace heaptag::tools {

/// Does the loader exist that takes our library into this file? When it fails, nothing else is
/// worth asking.
Finding check_program(const ProgramFacts& program);

/// Is there a library, may its path stand in LD_PRELOAD, and does the loader take it?
Finding check_library(const ProgramFacts& program);

/// Will the loader honour LD_PRELOAD?
Finding check_privilege(const ProgramFacts& program);

/// Whose malloc will it be, and what will not pass through it?
Findings check_allocator(const ProgramFacts& program);

/// "PYTHONMALLOC=malloc" for programs that only use malloc when told to; "" for all others, and
/// when the environment has it.
std::string helpful_setting(const ProgramFacts& program);

/// Will owners have names, files and lines?
Finding check_symbols(const ProgramFacts& program);

/// What rules (text, or @FILE) name in this program. `topic`: HEAPTAG_TAGS, or --tags.
Finding check_rules(const ProgramFacts& program,
                    const std::string& topic,
                    const std::string& rules);

/// LD_PRELOAD, HEAPTAG_* that are unknown or wrong, and where the report would go. Only what there
/// is: no rows for an environment without any of it.
Findings check_settings(const ProgramFacts& program);

/// HEAPTAG_* that are unknown or wrong, as the library would complain.
Findings check_option_names(const ProgramFacts& program);

/// Can a file be made where this pattern of a path says (%p and so on)? Returns why not, or "".
std::string why_not_writable(const std::string& path_pattern);

/// Why another entry of LD_PRELOAD takes malloc from us; "" when it does not.
std::string preload_conflict(const std::string& path, const ElfFacts& elf);

}  // namespace heaptag::tools
