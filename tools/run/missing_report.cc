#include "tools/run/missing_report.h"

#include <fmt/format.h>

#include <csignal>
#include <cstring>
#include <filesystem>
#include <optional>
#include <system_error>
#include <vector>

#include "tools/command.h"
#include "tools/program/elf_facts.h"
#include "tools/program/executable.h"
#include "tools/program/needed_libraries.h"
#include "tools/program/own_malloc.h"

namespace heaptag::tools {
namespace {

std::vector<std::string> missing_libraries(const std::string& file) {
  const ElfFacts kind = read_elf_facts(file);
  return kind.is_x86_64 && !kind.loader.empty()
             ? find_needed_libraries(kind.loader, file, "").missing
             : std::vector<std::string>();
}

/// Why a file that ran as `what` left none: "" when the library itself has said it, nothing when
/// the file is no reason.
std::optional<std::string> explain_by_file(const std::string& file, const std::string& what) {
  const ElfFacts kind = read_elf_facts(file);
  if (!kind.is_elf) {
    return std::nullopt;
  }
  if (!kind.is_x86_64) {
    return fmt::format("{} is not an x86-64 program, libheaptag.so is", what);
  }
  if (kind.loader.empty() && file.find("/valgrind/") != std::string::npos) {
    return "";  // it loads the program, and heaptag into it, which has said that it stands aside
  }
  if (kind.loader.empty() && !kind.soname.starts_with("ld-linux")) {
    return fmt::format("{} is statically linked, so nothing can be preloaded into it", what);
  }
  if (!kind.loader.empty() && kind.loader.find("ld-linux") == std::string::npos) {
    return fmt::format("{} is loaded by {}, libheaptag.so needs glibc's loader", what, kind.loader);
  }
  if (privilege_of(file).gained != Privilege::kNone) {
    return fmt::format(
        "{} is setuid, setgid or has capabilities: the loader ignores LD_PRELOAD for it; run "
        "heaptag as its user",
        what);
  }
  if (has_own_malloc(kind)) {
    return "";  // the library has said it
  }
  return std::nullopt;
}

}  // namespace

std::string explain_missing_report(const std::string& program, const Outcome& outcome) {
  std::vector<std::string> scripts;
  const std::string file = running_file(find_executable(program), scripts);
  if (auto reason = explain_by_file(file, file == program ? "it" : file)) {
    return *reason;
  }
  std::error_code error;
  if (!outcome.last_file.empty() && !std::filesystem::equivalent(outcome.last_file, file, error)) {
    if (auto reason = explain_by_file(outcome.last_file, outcome.last_file)) {
      return reason->empty() ? "" : fmt::format("it executed another program: {}", *reason);
    }
  }
  if (outcome.killed_by_signal != 0) {
    const char* name = sigabbrev_np(outcome.killed_by_signal);
    return fmt::format("it was killed by {}{} after {:.1f} s, and reports are written at exit",
                       name == nullptr ? "signal " : "SIG",
                       name == nullptr ? std::to_string(outcome.killed_by_signal) : name,
                       outcome.seconds);
  }
  if (outcome.exit_status == kNotFound && !missing_libraries(file).empty()) {
    return fmt::format("its loader did not find {}", fmt::join(missing_libraries(file), ", "));
  }
  return "it may have executed a static or setuid program, or one with a malloc of its own (a line "
         "says so then), left by a raw exit system call, cleaned its environment, or changed its "
         "user or root directory";
}

}  // namespace heaptag::tools
