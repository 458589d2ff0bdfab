#include <fmt/format.h>
#include <gnu/libc-version.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <set>

#include "core/base/format.h"
#include "tools/doctor/machine_checks.h"
#include "tools/doctor/proc_text.h"
#include "tools/doctor/program_checks.h"
#include "tools/live/proc_files.h"
#include "tools/model/snapshot_reader.h"
#include "tools/program/captured.h"
#include "tools/program/own_malloc.h"
#include "tools/run/preload_library.h"
#include "tools/run/private_dir.h"
#include "tools/text/read_text.h"

namespace heaptag::tools {
namespace {

std::string real_path(const std::string& path) {
  std::error_code error;
  const std::filesystem::path real = std::filesystem::canonical(path, error);
  return error ? "" : real.string();
}

/// Can this process read memory of a process at all? Its own is always its own.
int error_of_reading_ourselves() {
  int value = 1;
  int copy = 0;
  const iovec local = {&copy, sizeof copy};
  const iovec remote = {&value, sizeof value};
  return process_vm_readv(getpid(), &local, 1, &remote, 1, 0) == sizeof copy ? 0 : errno;
}

}  // namespace

uint64_t ptrace_scope() {
  uint64_t scope = 0;
  return read_number_file("/proc/sys/kernel/yama/ptrace_scope", scope) ? scope : 0;
}

Finding check_reading() {
  if (const int error = error_of_reading_ourselves(); error != 0) {
    return warning("reading",
                   fmt::format("process_vm_readv: {}: a sandbox (seccomp) forbids it, heaptag will "
                               "try /proc/PID/mem",
                               std::strerror(error)),
                   {"in a container: --cap-add SYS_PTRACE"});
  }
  const bool is_filtered = status_field(read_text("/proc/self/status"), "Seccomp") == "2";
  const std::string filter = is_filtered ? "; a seccomp filter is on, and lets it pass" : "";
  const uint64_t scope = ptrace_scope();
  if (scope == 0) {
    return ok("reading",
              "kernel.yama.ptrace_scope is 0 or not there: processes of the same user may "
              "be read" +
                  filter);
  }
  const std::string setting = fmt::format("kernel.yama.ptrace_scope={}: ", scope);
  if (scope < 3 && geteuid() == 0) {
    return ok("reading", setting + "root may read all processes" + filter);
  }
  if (scope == 3) {
    return warning("reading", setting + "nobody may read another process until the next boot",
                   {"heaptag run -- PROG, or HEAPTAG_SIGNAL=USR1 HEAPTAG_REPORT=/tmp/%e.%p.txt"});
  }
  return warning(
      "reading",
      setting + (scope == 1 ? "only root and its ancestors may read a process (heaptag run is one)"
                            : "only root may read a process"),
      {"sudo heaptag report PID", "sudo sysctl kernel.yama.ptrace_scope=0"});
}

Findings check_versions() {
  utsname kernel = {};
  uname(&kernel);
  Findings findings;
  findings.push_back(ok("system", fmt::format("Linux {}, {}, glibc {}", kernel.release,
                                              kernel.machine, gnu_get_libc_version())));
  const PreloadLibrary library = find_preload_library();
  if (library.path.empty()) {
    findings.push_back(failure(Harm::kBarred, "heaptag", "there is no libheaptag.so",
                               fmt::format("command {}; no libheaptag.so; looked for {}",
                                           HEAPTAG_VERSION, fmt::join(library.looked, ", ")),
                               {"build it (cmake --build) or install it"}));
  } else if (!can_be_preloaded(library.path)) {
    findings.push_back(
        failure(Harm::kBarred, "heaptag", "LD_PRELOAD cannot name the library",
                fmt::format("LD_PRELOAD cannot name {}: it has a space or a colon", library.path),
                {"install heaptag elsewhere"}));
  } else {
    findings.push_back(ok("heaptag", fmt::format("command {}, {}; library {}", HEAPTAG_VERSION,
                                                 real_path("/proc/self/exe"), library.path)));
  }
  return findings;
}

Findings check_other_copies() {
  const std::string own = real_path(find_preload_library().path);
  const std::string own_id = read_elf_facts(own).build_id;
  Findings findings;
  std::set<std::string> seen = {own};
  for (const char* folder : {"/usr/local/lib", "/usr/local/lib/x86_64-linux-gnu", "/usr/lib",
                             "/usr/lib/x86_64-linux-gnu", "/usr/lib64", "/opt/heaptag/lib"}) {
    const std::string other = real_path(fmt::format("{}/libheaptag.so", folder));
    if (!other.empty() && seen.insert(other).second && read_elf_facts(other).build_id != own_id) {
      findings.push_back(warning(
          "heaptag", fmt::format("{} is another build: read processes that use it with the heaptag "
                                 "beside it",
                                 other)));
    }
  }
  const std::string preload = read_text("/etc/ld.so.preload");
  for (const std::string& entry : preload_entries(preload)) {
    const std::string conflict = preload_conflict(entry, read_elf_facts(entry));
    if (!conflict.empty() && !file_name(entry).starts_with("libheaptag.so")) {
      findings.push_back(warning(
          "preloads", fmt::format("/etc/ld.so.preload has {}, which {}: LD_PRELOAD comes before it",
                                  entry, conflict)));
    }
  }
  return findings;
}

Finding check_debug_files() {
  const std::filesystem::path folder = "/usr/lib/debug/.build-id";
  std::error_code error;
  const bool has_any = std::filesystem::is_directory(folder, error);
  const char* servers = std::getenv("DEBUGINFOD_URLS");
  const std::string asked = servers == nullptr || *servers == '\0'
                                ? ""
                                : "; DEBUGINFOD_URLS is set, and heaptag asks no servers";
  int ignored = 0;
  for (const Mapping& mapping : read_mappings(getpid(), ignored)) {
    if (!is_library(mapping.path, "libc")) {
      continue;
    }
    const std::string id = read_elf_facts(mapping.path).build_id;
    const bool has_libc =
        id.size() > 2 &&
        std::filesystem::exists(folder / id.substr(0, 2) / (id.substr(2) + ".debug"), error);
    return has_libc ? ok("symbols", "debug files in /usr/lib/debug, libc's among them" + asked)
                    : warning("symbols",
                              (has_any ? "debug files in /usr/lib/debug, but none for libc: "
                                       : "no debug files in /usr/lib/debug: ") +
                                  std::string("owners in libc have no file and line") + asked,
                              {"apt-get install libc6-dbg"});
  }
  return ok("symbols", (has_any ? "debug files in /usr/lib/debug" : "no debug files") + asked);
}

Finding check_folders() {
  const char* set = std::getenv("TMPDIR");
  const std::string temporary = set == nullptr || *set == '\0' ? "/tmp" : set;
  const std::string here = std::filesystem::current_path().string();
  if (const std::string reason = why_not_writable(temporary + "/x"); !reason.empty()) {
    return failure(Harm::kBarred, "folders", temporary + " is not writable",
                   fmt::format("{}: heaptag run keeps its reports there meanwhile", reason),
                   {"TMPDIR=/some/other/folder"});
  }
  if (const std::string reason = why_not_writable(here + "/x"); !reason.empty()) {
    return warning("folders",
                   fmt::format("{} is writable; {}: heaptag run saves its snapshot in the current "
                               "directory",
                               temporary, reason),
                   {fmt::format("heaptag run -o {}/%e.%p.snap -- PROG", temporary)});
  }
  return ok("folders", here == temporary ? fmt::format("{} is writable", temporary)
                                         : fmt::format("{} and {} are writable", temporary, here));
}

Finding try_preloading() {
  constexpr const char* kTopic = "trial";
  const std::string library = find_preload_library().path;
  const PrivateDir folder;
  if (folder.path().empty() || library.empty()) {
    return failure(Harm::kBarred, kTopic, "nothing could be tried",
                   "not tried: no folder or no library for it");
  }
  std::vector<std::string> environment = plain_environment();
  environment.push_back("LD_PRELOAD=" + library);
  environment.push_back("HEAPTAG_REPORT=" + folder.path() + "/trial.snap");
  environment.emplace_back("HEAPTAG_FORMAT=snapshot");
  const Captured run = capture({"/bin/true"}, environment);
  const std::string bytes = read_text(folder.path() + "/trial.snap");
  if (run.status != 0 || bytes.empty()) {
    return failure(
        Harm::kBarred, kTopic, "a trial with /bin/true failed",
        fmt::format("/bin/true with the library ended with status {} and {} report{}{}", run.status,
                    bytes.empty() ? "without a" : "a", run.output.empty() ? "" : ": ",
                    run.output.substr(0, run.output.find('\n'))));
  }
  try {
    const Report report = read_saved_report(bytes);
    if (report.version != HEAPTAG_VERSION) {
      return failure(Harm::kBarred, kTopic, "command and library are of different versions",
                     fmt::format("the library is version {}, this command {}", report.version,
                                 HEAPTAG_VERSION),
                     {"install both from one build"});
    }
    const std::string said =
        run.output.empty() ? "" : ", and said: " + run.output.substr(0, run.output.find('\n'));
    return ok(kTopic,
              fmt::format("/bin/true ran with the library and wrote a report (version {}, {} "
                          "allocation{}){}",
                          report.version, report.totals.figures.allocations,
                          report.totals.figures.allocations == 1 ? "" : "s", said));
  } catch (const BrokenReport& error) {
    return failure(Harm::kBarred, kTopic, "command and library do not fit together",
                   fmt::format("the report of /bin/true cannot be read: {}", error.what()),
                   {"install both from one build"});
  }
}

}  // namespace heaptag::tools
