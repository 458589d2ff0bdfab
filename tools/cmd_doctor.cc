// heaptag doctor: can it be preloaded, read, symbolised? Why not, and what to type instead.
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "tools/command.h"
#include "tools/doctor/diagnosis.h"
#include "tools/doctor/diagnosis_text.h"
#include "tools/doctor/doctor_options.h"
#include "tools/doctor/process_checks.h"
#include "tools/model/rendering.h"
#include "tools/program/executable.h"
#include "tools/report/target.h"
#include "tools/text/message.h"
#include "tools/text/write_all.h"

namespace heaptag::tools {
namespace {

constexpr size_t kColumns = 100;  // without a terminal

Diagnosis diagnose(const DoctorOptions& options) {
  if (!options.program.empty()) {
    return diagnose_program(options.program, options.tags);
  }
  return options.process.empty() ? diagnose_machine()
                                 : diagnose_process(find_process(options.process));
}

/// As it was called; "heaptag" where PATH leads here.
void name_own_command(Diagnosis& diagnosis) {
  std::error_code error;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) {
    return;
  }
  const std::string found = find_executable("heaptag");
  const bool is_in_path =
      !found.empty() && std::filesystem::equivalent(found, self, error) && !error;
  name_command(
      diagnosis, is_in_path ? "heaptag" : shell_word(program_invocation_name),
      is_in_path && self.string().starts_with("/usr/") ? "heaptag" : shell_word(self.string()));
}

}  // namespace

int cmd_doctor(const Arguments& arguments) {
  const auto parsed = parse_doctor_options(arguments);
  if (const ExitStatus* status = std::get_if<ExitStatus>(&parsed)) {
    return *status;
  }
  try {
    Diagnosis diagnosis = diagnose(std::get<DoctorOptions>(parsed));
    name_own_command(diagnosis);
    const std::string text = as_text(diagnosis, terminal_columns(STDOUT_FILENO).value_or(kColumns));
    if (const int error = write_all(STDOUT_FILENO, text); error != 0) {
      complain("doctor: cannot write: {}", std::strerror(error));
      return kUsageOrCouldNot;
    }
    if (!diagnosis.is_told) {
      return kUsageOrCouldNot;
    }
    return count_of(diagnosis.findings, Grade::kFailure) == 0 ? kDone : kFoundSomething;
  } catch (const TargetError& error) {
    complain("doctor: {}", error.what());
    return kUsageOrCouldNot;
  }
}

}  // namespace heaptag::tools
