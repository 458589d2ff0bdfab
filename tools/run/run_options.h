// What the user typed after `heaptag run`.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "tools/command.h"
#include "tools/run/environment.h"

namespace heaptag::tools {

struct RunOptions {
  std::map<std::string, std::string> settings;  // HEAPTAG_* from flags: "LOG" → "stderr"
  std::string report_path;                      // --report; "" when not asked for
  std::string format;           // --format: "text", "json", "snapshot" or "" (not said)
  std::string children;         // --children, or ""
  std::string error_exit_code;  // --error-exitcode, or ""
  std::string output_path;      // -o; "" is heaptag.PROGRAM.PID.snap
  bool quiet = false;
  bool plain_bytes = false;
  bool replace_self = false;  // --exec
  std::optional<size_t> top;  // rows; 0 is all
  std::vector<std::string> program;
};

/// Parses the command line. Returns the options, or the status to exit with: the reason, or the
/// help that was asked for, has been printed.
std::variant<RunOptions, ExitStatus> parse_run_options(const Arguments& arguments);

/// A report that the environment asks for is a report that the user asks for, unless it is an outer
/// `heaptag run` that set it for its own purpose. A value that makes no sense is said and dropped.
/// Afterwards `children` has its default, that of the library.
void adopt_environment(RunOptions& options, const ProgramEnvironment& environment);

}  // namespace heaptag::tools
