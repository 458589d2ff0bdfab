// What the user typed after `heaptag doctor`.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "tools/command.h"

namespace heaptag::tools {

/// Neither a process nor a program: the machine.
struct DoctorOptions {
  std::string process;               // a pid or a name
  std::vector<std::string> program;  // behind the --
  std::optional<std::string> tags;   // rules, or @FILE
};

/// Returns the options, or the status to exit with: the reason, or the help that was asked for, has
/// been printed.
std::variant<DoctorOptions, ExitStatus> parse_doctor_options(const Arguments& arguments);

}  // namespace heaptag::tools
