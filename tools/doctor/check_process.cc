#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <ctime>
#include <filesystem>
#include <system_error>

#include "core/base/format.h"
#include "tools/doctor/machine_checks.h"
#include "tools/doctor/proc_text.h"
#include "tools/doctor/process_checks.h"
#include "tools/doctor/program_checks.h"
#include "tools/live/find_descriptor.h"
#include "tools/live/live_error.h"
#include "tools/live/live_process.h"
#include "tools/live/proc_files.h"
#include "tools/program/executable.h"
#include "tools/report/container.h"
#include "tools/report/target.h"
#include "tools/run/option_rows.h"
#include "tools/text/read_text.h"

namespace heaptag::tools {
namespace {

std::string status_of(pid_t pid, const std::string& key) {
  return status_field(read_text(fmt::format("/proc/{}/status", pid)), key);
}

/// When it was started, in local time.
std::string start_time(pid_t pid) {
  const double up = std::strtod(read_text("/proc/uptime").c_str(), nullptr);
  const double started =
      static_cast<double>(start_ticks(pid)) / static_cast<double>(sysconf(_SC_CLK_TCK));
  const std::time_t at = std::time(nullptr) - static_cast<std::time_t>(std::max(0.0, up - started));
  return fmt::format("{:%Y-%m-%d %H:%M}", fmt::localtime(at));
}

size_t heaptagged_children(pid_t pid) {
  size_t count = 0;
  for (const pid_t other : all_process_ids()) {
    if (status_of(other, "PPid") == std::to_string(pid) && is_heaptagged(other)) {
      ++count;
    }
  }
  return count;
}

/// Why LD_PRELOAD names our library, and it is not there all the same.
std::string why_not_there(const ProgramFacts& program) {
  const std::string value = variable(program.environment, "LD_PRELOAD").value_or("");
  for (const std::string& entry : preload_entries(value)) {
    if (!file_name(entry).starts_with("libheaptag.so")) {
      continue;
    }
    const bool exists = access((program.root + entry).c_str(), R_OK) == 0;
    return fmt::format("; its LD_PRELOAD has {}, {}", entry,
                       exists ? "which the loader did not take" : "which does not exist");
  }
  return "";
}

std::vector<std::string> ways_to_read(pid_t pid, bool in_container) {
  std::vector<std::string> ways = {fmt::format("sudo heaptag report {}", pid)};
  if (in_container) {
    ways.emplace_back(
        "from inside: docker exec with --cap-add SYS_PTRACE, or kubectl debug "
        "--profile=sysadmin --target=NAME POD");
  }
  if (has_option_flag("ptracer")) {
    ways.emplace_back("next start: HEAPTAG_PTRACER=any");
  }
  if (has_option_flag("signal")) {
    ways.emplace_back(
        "next start: HEAPTAG_SIGNAL=USR1 HEAPTAG_REPORT=/tmp/%e.%p.txt, then kill "
        "-USR1 PID");
  }
  return ways;
}

/// Why the kernel does not let us read it.
std::string denial(pid_t pid) {
  const ProcessStatus status = read_status(pid);
  struct stat file = {};  // root's, whoever the process belongs to, when it is not dumpable
  stat(fmt::format("/proc/{}/environ", pid).c_str(), &file);
  if (status.effective_uid != geteuid()) {
    return fmt::format("it belongs to uid {}, we are uid {}", status.effective_uid, geteuid());
  }
  if (file.st_uid != status.effective_uid) {
    return "same user, but the process is not dumpable: it changed its user, or asked for that "
           "(PR_SET_DUMPABLE)";
  }
  if (const uint64_t scope = ptrace_scope(); scope != 0) {
    return fmt::format("same user, but kernel.yama.ptrace_scope={} lets only {} read it", scope,
                       scope == 1   ? "root and its ancestors"
                       : scope == 2 ? "root"
                                    : "nobody");
  }
  return "same user, but it has more rights than we have, or we are in a sandbox";
}

/// "/var/tmp/%e.%p.json" with the two that are known.
std::string expanded(std::string pattern, pid_t pid, const std::string& name) {
  for (const auto& [key, value] :
       {std::pair<std::string, std::string>{"%p", std::to_string(pid)}, {"%e", name}}) {
    for (size_t at = 0; (at = pattern.find(key, at)) != std::string::npos; at += value.size()) {
      pattern.replace(at, key.size(), value);
    }
  }
  return pattern;
}

Finding check_exit_report(pid_t pid, const ProgramFacts& program) {
  const std::string pattern = variable(program.environment, "HEAPTAG_REPORT").value_or("");
  if (pattern.empty()) {
    return ok("report", "none at exit (no HEAPTAG_REPORT)");
  }
  std::string path = expanded(pattern, pid, program.word);
  if (variable(program.environment, "HEAPTAG_ROOT") && path.ends_with("/report.snap")) {
    return ok("report", "started by heaptag run, which shows the report when it ends");
  }
  if (!path.starts_with('/')) {
    return ok("report", fmt::format("at exit: {} in the directory that it was started in", path));
  }
  const std::string reason = why_not_writable(program.root + path);
  const bool is_ours = read_status(pid).effective_uid == geteuid();
  if (!reason.empty() && is_ours) {
    return failure(Harm::kHindered, "report", "its report cannot be written",
                   fmt::format("at exit: {}: {}", path, reason),
                   {fmt::format("heaptag snapshot {} -o FILE", pid)});
  }
  return ok("report", fmt::format("at exit: {}", path));
}

/// " (sh is dash here)": programs are known by the names of their files.
std::string name_of_its_file(const std::string& word) {
  std::error_code error;
  const std::filesystem::path file = std::filesystem::canonical(find_executable(word), error);
  return error || file.filename() == word
             ? ""
             : fmt::format(" ({} is {} here)", word, file.filename().string());
}

pid_t number_in(const std::string& word) {
  pid_t pid = 0;
  const char* end = word.data() + word.size();
  const auto [stopped, error] = std::from_chars(word.data(), end, pid);
  return error == std::errc() && stopped == end && pid > 0 ? pid : 0;
}

void refuse_dead(pid_t pid) {
  const ProcessStatus status = read_status(pid);
  if (status.state == '\0') {
    throw TargetError(
        fmt::format("there is no process {}; `heaptag ls` lists those under heaptag, "
                    "heaptag doctor -- PROG asks about a program",
                    pid));
  }
  if (status.state == 'Z' || status.state == 'X') {
    throw TargetError(
        fmt::format("process {} ({}) has ended; only its status is left", pid, program_of(pid)));
  }
}

}  // namespace

pid_t find_process(const std::string& word) {
  if (const pid_t pid = number_in(word); pid != 0) {
    refuse_dead(pid);
    return pid;
  }
  if (!word.empty() && word.find_first_not_of("-0123456789") == std::string::npos) {
    throw TargetError(fmt::format("{} is the number of no process", word));
  }
  if (word.ends_with(".snap") && access(word.c_str(), F_OK) == 0) {
    throw TargetError(fmt::format("{} is a saved report: heaptag report {}", word, word));
  }
  if (word.find('/') != std::string::npos) {
    throw TargetError(
        fmt::format("{} is a path; to ask about a program: heaptag doctor -- {}", word, word));
  }
  constexpr size_t kShown = 8;
  std::vector<pid_t> found;
  for (const pid_t pid : all_process_ids()) {
    if (pid != getpid() && program_of(pid) == word && read_status(pid).state != 'Z') {
      found.push_back(pid);
    }
  }
  if (found.empty()) {
    throw TargetError(
        fmt::format("no program {} runs{}; to ask whether it can run under heaptag: "
                    "heaptag doctor -- {}",
                    word, name_of_its_file(word), word));
  }
  if (found.size() > 1) {
    const size_t shown = std::min(found.size(), kShown);
    throw TargetError(
        fmt::format("{} runs {} times; name a pid: {}{}", word, found.size(),
                    fmt::join(found.begin(), found.begin() + static_cast<ptrdiff_t>(shown), ", "),
                    shown < found.size() ? ", ..." : ""));
  }
  return found[0];
}

Finding check_preloaded(pid_t pid, const ProgramFacts& program, Preload& preload) {
  int error = 0;
  const std::vector<Mapping> mappings = read_mappings(pid, error);
  if (error != 0) {
    preload = Preload::kUnknown;
    const std::string way = geteuid() == 0
                                ? fmt::format(
                                      "with all rights that it has (grep Cap /proc/{}/status), and "
                                      "outside of the sandbox",
                                      pid)
                                : fmt::format("sudo heaptag doctor {}", pid);
    return failure(Harm::kUnseen, "access", "may not be looked at",
                   fmt::format("{}: whether it runs under heaptag cannot be seen", denial(pid)),
                   {way});
  }
  if (mappings.empty() && program.file.empty()) {
    preload = Preload::kUnknown;
    return failure(Harm::kHindered, "process", "is a thread of the kernel",
                   "a thread of the kernel: it has no memory of its own");
  }
  if (!is_heaptagged(pid)) {
    preload = Preload::kNo;
    return failure(Harm::kHindered, "preloaded", "it runs without heaptag",
                   "libheaptag.so is not in it, and cannot be added to a running process" +
                       why_not_there(program));
  }
  preload = Preload::kYes;
  const size_t children = heaptagged_children(pid);
  const std::string inherited = children == 0 ? ""
                                              : fmt::format("; LD_PRELOAD inherited by {} child{}",
                                                            children, children == 1 ? "" : "ren");
  return ok("preloaded", fmt::format("since {}; default mode{}", start_time(pid), inherited));
}

Finding check_same_build(pid_t pid) {
  const std::string ours = find_preload_library().path;
  int ignored = 0;
  std::string theirs;
  for (const Mapping& mapping : read_mappings(pid, ignored)) {
    if (mapping.file_offset == 0 && file_name(mapping.path).starts_with("libheaptag.so")) {
      theirs = mapping.path;
      break;
    }
  }
  if (theirs.ends_with(" (deleted)")) {
    return warning("library", fmt::format("{}: it was replaced or removed since; what runs is the "
                                          "old one",
                                          theirs));
  }
  const std::string id = read_elf_facts(root_of(pid) + theirs).build_id;
  const bool is_same = !id.empty() && id == read_elf_facts(ours).build_id;
  return is_same ? ok("library", theirs + ", the one beside this command")
                 : warning("library",
                           fmt::format("{}, another build than the one beside this "
                                       "command ({})",
                                       theirs, ours.empty() ? "none" : ours),
                           {"use the heaptag beside it if it cannot be read"});
}

Findings check_access(pid_t pid) {
  const char state = read_status(pid).state;
  const char* stopped = state == 'T' || state == 't' ? "; it is stopped, which is no obstacle" : "";
  try {
    const Report report = read_live_process(pid);
    Findings findings = {ok(
        "access", fmt::format("read: {} owners, {} live in {} blocks{}",
                              format_grouped(report.tags.size()).view(),
                              format_size(report.totals.figures.live_bytes).view(),
                              format_grouped(report.totals.figures.live_blocks).view(), stopped))};
    std::vector<std::string> unmatched;
    for (const Rule& rule : report.rules) {
      if (rule.matched_sites == 0) {
        unmatched.push_back(rule.text);
      }
    }
    if (!unmatched.empty()) {
      findings.push_back(
          warning("rules", fmt::format("{} of {} matched nothing so far: {}", unmatched.size(),
                                       report.rules.size(), fmt::join(unmatched, "; "))));
    } else if (!report.rules.empty()) {
      findings.push_back(
          ok("rules", fmt::format("{} of {} matched", report.rules.size(), report.rules.size())));
    }
    return findings;
  } catch (const LiveError& error) {
    const std::string text = error.what();
    if (text.find("may not be read") == std::string::npos) {
      return {failure(Harm::kHindered, "access", "it cannot be read", text)};
    }
    return {failure(Harm::kHindered, "access", "you may not read it", denial(pid),
                    ways_to_read(pid, !container_of(pid).empty()))};
  }
}

Findings check_its_preloads(const ProgramFacts& program) {
  Findings findings;
  const std::string value = variable(program.environment, "LD_PRELOAD").value_or("");
  for (const std::string& entry : preload_entries(value)) {
    if (file_name(entry).starts_with("libheaptag.so")) {
      break;  // what stands behind us is not asked
    }
    const std::string conflict = preload_conflict(entry, read_elf_facts(program.root + entry));
    if (!conflict.empty()) {
      findings.push_back(failure(
          Harm::kCountsNothing, "LD_PRELOAD", "another malloc comes before it",
          fmt::format("{} {} and comes before libheaptag.so: nothing is counted", entry, conflict),
          {"next start: libheaptag.so first in LD_PRELOAD"}));
    }
  }
  return findings;
}

Findings check_its_settings(pid_t pid, const ProgramFacts& program) {
  Findings findings = {check_exit_report(pid, program)};
  append(findings, check_option_names(program));
  return findings;
}

Findings check_container(pid_t pid) {
  const std::string container = container_of(pid);
  const pid_t inner = read_status(pid).inner_pid;
  if (container.empty() && (inner == 0 || inner == pid)) {
    return {};
  }
  return {ok("container",
             fmt::format("{}{}", container.empty() ? "another pid namespace" : container,
                         inner != 0 && inner != pid ? fmt::format("; pid {} inside", inner) : ""))};
}

}  // namespace heaptag::tools
