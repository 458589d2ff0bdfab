// Which checks are made, in which order, and what is concluded from them.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "tools/doctor/finding.h"

namespace heaptag::tools {

/// Can this program be run under heaptag? `words`: the program and its arguments. It is not run.
Diagnosis diagnose_program(const std::vector<std::string>& words,
                           const std::optional<std::string>& tags);

/// Does this process run under heaptag, and may it be read?
Diagnosis diagnose_process(pid_t pid);

/// Is this machine ready?
Diagnosis diagnose_machine();

/// A line for [Service] of a unit: quoted and escaped as systemd wants it.
std::string systemd_line(const std::vector<std::string>& variables);

}  // namespace heaptag::tools
