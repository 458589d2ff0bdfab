#include "tools/run/missing_report.h"

#include <fmt/format.h>

#include <csignal>
#include <cstring>
#include <vector>

#include "tools/program/elf_facts.h"
#include "tools/program/executable.h"
#include "tools/program/own_malloc.h"

namespace heaptag::tools {
namespace {

std::string explain_by_file(const std::string& program) {
  std::vector<std::string> scripts;
  const std::string file = running_file(find_executable(program), scripts);
  const ElfFacts kind = read_elf_facts(file);
  if (!kind.is_elf) {
    return "";
  }
  const std::string what = file == program ? "it" : file;
  if (!kind.is_x86_64) {
    return fmt::format("{} is not an x86-64 program, libheaptag.so is", what);
  }
  if (kind.loader.empty()) {
    return fmt::format("{} is statically linked, so nothing can be preloaded into it", what);
  }
  if (kind.loader.find("ld-linux") == std::string::npos) {
    return fmt::format("{} is loaded by {}, libheaptag.so needs glibc's loader", what, kind.loader);
  }
  if (privilege_of(file).gained != Privilege::kNone) {
    return fmt::format(
        "{} is setuid, setgid or has capabilities: the loader ignores LD_PRELOAD for it; run "
        "heaptag as its user",
        what);
  }
  if (has_own_malloc(kind)) {
    return fmt::format(
        "{} has a malloc of its own, for which heaptag stands aside; heaptag doctor -- "
        "{} says more",
        what, program);
  }
  return "";
}

}  // namespace

std::string explain_missing_report(const std::string& program, const Outcome& outcome) {
  if (std::string reason = explain_by_file(program); !reason.empty()) {
    return reason;
  }
  if (outcome.killed_by_signal != 0) {
    const char* name = sigabbrev_np(outcome.killed_by_signal);
    return fmt::format("it was killed by {}{} after {:.1f} s, and reports are written at exit",
                       name == nullptr ? "signal " : "SIG",
                       name == nullptr ? std::to_string(outcome.killed_by_signal) : name,
                       outcome.seconds);
  }
  return "it may have executed a static or setuid program, left by a raw exit system call, cleaned "
         "its environment, or changed its user or root directory";
}

}  // namespace heaptag::tools
