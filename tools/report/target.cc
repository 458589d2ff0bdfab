#include "tools/report/target.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <iterator>

#include "tools/live/live_error.h"
#include "tools/live/live_process.h"
#include "tools/live/proc_files.h"
#include "tools/model/naming.h"
#include "tools/model/snapshot_reader.h"
#include "tools/model/symbolizer.h"

namespace heaptag::tools {
namespace {

/// A pid, or 0.
pid_t read_pid(const std::string& word) {
  pid_t pid = 0;
  const char* end = word.data() + word.size();
  const auto [stopped, error] = std::from_chars(word.data(), end, pid);
  return error == std::errc() && stopped == end && pid > 0 ? pid : 0;
}

std::string list_of(const std::vector<HeaptaggedProcess>& processes) {
  constexpr size_t kShown = 8;
  std::string list;
  for (size_t i = 0; i < processes.size() && i < kShown; ++i) {
    list += fmt::format("{}{} {}", i == 0 ? "" : ", ", processes[i].pid, processes[i].program);
  }
  return processes.size() > kShown ? list + ", ..." : list;
}

/// Whether a file is no report at all: an executable, beside which its process was named.
bool is_executable_file(const std::string& path) {
  char begin[4] = {};
  std::ifstream(path, std::ios::binary).read(begin, sizeof begin);
  return std::memcmp(begin, "\177ELF", sizeof begin) == 0 || std::memcmp(begin, "#!", 2) == 0;
}

Target find_program(const std::string& name) {
  std::vector<HeaptaggedProcess> found = heaptagged_processes();
  if (!name.empty()) {
    std::erase_if(found, [&](const HeaptaggedProcess& one) { return one.program != name; });
  }
  if (found.size() == 1) {
    return {found[0].pid, ""};
  }
  if (name.empty() && found.empty()) {
    throw TargetError(
        "no process runs under heaptag, as far as we may look; start one: heaptag run -- PROG");
  }
  if (name.empty()) {
    throw TargetError(fmt::format("which process? name one: {}", list_of(found)));
  }
  if (found.empty()) {
    throw TargetError(
        fmt::format("{}: no such file, and no program of that name runs under heaptag; `heaptag "
                    "ls` lists those "
                    "that do",
                    name));
  }
  throw TargetError(fmt::format("{} runs {} times under heaptag; name a pid: {}", name,
                                found.size(), list_of(found)));
}

std::string read_file(const std::string& path) {
  struct stat status = {};
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) {
    throw TargetError(fmt::format("{} is a directory; name a snapshot or a JSON report", path));
  }
  std::string bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (!file.is_open() || file.bad()) {
    throw TargetError(fmt::format("cannot read {}: {}", path, std::strerror(errno)));
  }
  if (bytes.empty()) {
    throw TargetError(fmt::format("{} is empty; name a snapshot or a JSON report", path));
  }
  return bytes;
}

}  // namespace

Target find_target(const std::string& word) {
  if (const pid_t pid = read_pid(word); pid != 0) {
    return {pid, ""};
  }
  struct stat status = {};
  if (word.find('/') != std::string::npos ||
      (!word.empty() && stat(word.c_str(), &status) == 0 && !is_executable_file(word))) {
    return {0, word};
  }
  return find_program(word);
}

Report read_target(const Target& target, bool with_names) {
  Report report;
  std::string root;
  if (target.pid != 0) {
    try {
      report = read_live_process(target.pid);
      root = root_of(target.pid);
    } catch (const LiveError& error) {
      throw TargetError(error.what());
    }
  } else {
    try {
      report = read_saved_report(read_file(target.path));
    } catch (const BrokenReport& error) {
      throw TargetError(fmt::format("{}: {}", target.path, error.what()));
    }
  }
  if (with_names) {
    Symbolizer(root).resolve_all(report);
    name_owners(report);
  }
  return report;
}

}  // namespace heaptag::tools
