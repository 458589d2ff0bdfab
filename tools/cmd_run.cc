// heaptag run: starts a program with libheaptag.so preloaded, waits, and shows its report.
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <exception>

#include "tools/command.h"
#include "tools/program/executable.h"
#include "tools/run/environment.h"
#include "tools/run/launcher.h"
#include "tools/run/missing_report.h"
#include "tools/run/preload_library.h"
#include "tools/run/private_dir.h"
#include "tools/run/run_options.h"
#include "tools/run/run_report.h"
#include "tools/text/message.h"

namespace heaptag::tools {
namespace {

/// Returns the path of the library, or "" after a complaint.
std::string preload_library_or_complain() {
  const PreloadLibrary library = find_preload_library();
  if (library.path.empty()) {
    complain("run: no libheaptag.so; looked for {}; build it (cmake --build) or install it",
             fmt::join(library.looked, ", "));
    return "";
  }
  if (!can_be_preloaded(library.path)) {
    complain("run: LD_PRELOAD cannot name {}: it has a space or a colon; install heaptag elsewhere",
             library.path);
    return "";
  }
  return library.path;
}

/// Is a guard asked for beside every block?
bool guards_all(const ProgramEnvironment& environment) {
  const std::string guard = environment.get("HEAPTAG_GUARD");
  return environment.get("HEAPTAG_CHECK") == "full" || guard == "all" || guard.starts_with("all,");
}

/// What the program is to have in it. A guard is at one side of a block only: on the other, the C
/// library's functions are asked.
void preload(ProgramEnvironment& environment, const std::string& library) {
  const std::string strings = guards_all(environment) ? find_strings_library(library) : "";
  if (!strings.empty()) {
    environment.prepend_preload(strings);
  }
  environment.prepend_preload(library);
}

void set_or_unset(ProgramEnvironment& environment,
                  const std::string& name,
                  const std::string& value) {
  if (value.empty()) {
    environment.unset(name);
  } else {
    environment.set(name, value);
  }
}

int exec_status(int error) {
  return error == ENOENT ? kNotFound : kNotExecutable;
}

void complain_exec(const std::string& program, int error) {
  const std::string file = find_executable(program);
  const bool exists = !file.empty() && access(file.c_str(), F_OK) == 0;
  if (error == ENOENT && exists) {
    const std::string interpreter = script_interpreter(file);
    if (interpreter.ends_with('\r')) {
      complain("run: {}: its interpreter '{}\\r' does not exist: its first line ends in CR LF",
               program, without_carriage_return(interpreter));
      return;
    }
    complain("run: {}: its {} does not exist", program,
             interpreter.empty() ? "loader (see `file` and `readelf -l`)"
                                 : "interpreter " + interpreter);
  } else if (error == ENOENT && program.find('/') == std::string::npos) {
    complain("run: {}: not found in PATH{}", program,
             access(program.c_str(), X_OK) == 0 ? "; did you mean ./" + program + "?" : "");
  } else if (error == ENOENT) {
    complain("run: {}: not found", program);
  } else {
    complain("run: {}: cannot be executed: {}", program, std::strerror(error));
  }
}

int become_program(const RunOptions& options, ProgramEnvironment environment) {
  set_or_unset(environment, "HEAPTAG_REPORT", options.report_path);
  set_or_unset(environment, "HEAPTAG_FORMAT", options.format);
  set_or_unset(environment, "HEAPTAG_CHILDREN", options.children);
  set_or_unset(environment, "HEAPTAG_EXITCODE", options.error_exit_code);
  const int error = replace_self(options.program, environment);
  complain_exec(options.program[0], error);
  return exec_status(error);
}

/// Where the program is told to leave its report. With reports of children, each gets its own file.
void direct_reports(ProgramEnvironment& environment,
                    const RunOptions& options,
                    const PrivateDir& dir) {
  std::string path = dir.path();
  for (size_t at = 0; (at = path.find('%', at)) != std::string::npos; at += 2) {
    path.insert(at, 1, '%');
  }
  const bool of_children = options.children == "report";
  environment.set("HEAPTAG_REPORT", path + (of_children ? "/%p.snap" : "/report.snap"));
  environment.set("HEAPTAG_FORMAT", "snapshot");
  environment.set("HEAPTAG_CHILDREN", options.children);
  // The status is exchanged here: what the program says to others stays its own.
  environment.unset("HEAPTAG_EXITCODE");
}

int run_and_report(const RunOptions& options, ProgramEnvironment environment) {
  std::vector<std::string> contents;
  std::optional<Outcome> outcome;
  {
    const PrivateDir dir;
    if (dir.path().empty()) {
      complain("run: cannot make a private directory in {}: {}; set TMPDIR to a writable one",
               dir.parent(), std::strerror(dir.error()));
      return kHeaptagFailed;
    }
    direct_reports(environment, options, dir);
    outcome = launch(options.program, environment);
    if (!outcome) {
      complain("run: cannot start a process: {}", std::strerror(errno));
      return kHeaptagFailed;
    }
    if (outcome->exec_errno != 0) {
      complain_exec(options.program[0], outcome->exec_errno);
      return exec_status(outcome->exec_errno);
    }
    contents = read_files(dir.files());
  }
  try {
    if (const int status = report_run(options, *outcome, contents); status != 0) {
      outcome->exit_status = status;
    }
  } catch (const std::exception& error) {
    complain("run: no report: {}", error.what());  // the program has run: its end is what counts
  }
  end_like(*outcome);
}

}  // namespace

int cmd_run(const Arguments& arguments) {
  std::variant<RunOptions, ExitStatus> parsed = parse_run_options(arguments);
  if (const ExitStatus* status = std::get_if<ExitStatus>(&parsed)) {
    return *status;
  }
  RunOptions& options = std::get<RunOptions>(parsed);
  const std::string library = preload_library_or_complain();
  if (library.empty()) {
    return kHeaptagFailed;
  }
  ProgramEnvironment environment;
  adopt_environment(options, environment);
  for (const auto& [name, value] : options.settings) {
    environment.set("HEAPTAG_" + name, value);
  }
  preload(environment, library);
  return options.replace_self ? become_program(options, environment)
                              : run_and_report(options, environment);
}

}  // namespace heaptag::tools
