// Runs a program as if it had been started by whoever started us: same descriptors, process group,
// terminal, signal dispositions and mask. Only its environment differs.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "tools/run/environment.h"

namespace heaptag::tools {

/// How the program ended, or why it did not start.
struct Outcome {
  pid_t pid = 0;
  int exec_errno = 0;   // it did not start
  int exit_status = 0;  // when killed_by_signal is 0
  int killed_by_signal = 0;
  double seconds = 0;
  std::string last_file;  // that it was seen to execute; "" when it was too fast to be seen
};

/// Sets HEAPTAG_ROOT to the pid of the child, executes `program` there and waits for its end.
/// SIGINT and SIGQUIT are left to the program (the terminal sends them to both), SIGTERM and SIGHUP
/// are passed on to it. Returns nothing when there can be no child at all: errno says why.
/// Errors: exec_errno. Pre: single-threaded. Signals: leaves SIGPIPE and SIGXFSZ ignored.
std::optional<Outcome> launch(const std::vector<std::string>& program,
                              ProgramEnvironment environment);

/// Executes `program` in this very process; returns the errno of the failure.
int replace_self(const std::vector<std::string>& program, ProgramEnvironment environment);

/// Ends this process as the program ended: with its status, or by its signal, without a second
/// core.
[[noreturn]] void end_like(const Outcome& outcome);

}  // namespace heaptag::tools
