// What `heaptag run` does with the reports that the program left.
#pragma once

#include <string>
#include <vector>

#include "tools/run/launcher.h"
#include "tools/run/run_options.h"

namespace heaptag::tools {

/// The contents of files, in order; one that cannot be read counts as empty.
std::vector<std::string> read_files(const std::vector<std::string>& paths);

/// Adds names, files and lines to each report, saves it, writes it where --report says, and shows
/// it on stderr: those of children first, that of the program itself last. Complains when that one
/// is missing or broken. Returns: what to exit with in place of 0, because checks have found
/// something; 0 when they have not, or when the program has not ended with 0.
int report_run(const RunOptions& options,
               const Outcome& outcome,
               const std::vector<std::string>& contents);

}  // namespace heaptag::tools
