#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "core/base/format.h"
#include "tools/doctor/machine_checks.h"
#include "tools/doctor/proc_text.h"
#include "tools/live/proc_files.h"
#include "tools/text/read_text.h"

namespace heaptag::tools {
namespace {

constexpr uint64_t kUsualMaps = 65530;  // the kernel's default
constexpr uint64_t kLittleAddressSpace = uint64_t{64} << 20;

std::string size_text(uint64_t bytes) {
  return std::string(format_size(bytes).view());
}

/// The least limit of its control groups; nothing without one.
std::optional<uint64_t> cgroup_limit(const std::string& process) {
  std::optional<uint64_t> least;
  for (const std::string& file :
       memory_limit_files(read_text(fmt::format("/proc/{}/cgroup", process)))) {
    const std::optional<uint64_t> limit = memory_limit_in(read_text(file));
    if (limit && (!least || *limit < *least)) {
      least = limit;
    }
  }
  return least;
}

std::string overcommit_text(uint64_t mode) {
  return fmt::format("overcommit {}{}", mode,
                     mode == 2 ? " (strict: memory counts when it is mapped, used or not)" : "");
}

}  // namespace

Finding check_memory(pid_t pid) {
  const std::string process = pid == 0 ? "self" : std::to_string(pid);
  const auto address_space =
      address_space_limit(read_text(fmt::format("/proc/{}/limits", process)));
  const auto group = cgroup_limit(process);
  uint64_t overcommit = 0;
  uint64_t maps = kUsualMaps;
  read_number_file("/proc/sys/vm/overcommit_memory", overcommit);
  read_number_file("/proc/sys/vm/max_map_count", maps);
  const std::string text = fmt::format(
      "{}; {}; {}", address_space ? "RLIMIT_AS " + size_text(*address_space) : "no RLIMIT_AS",
      overcommit_text(overcommit), group ? "cgroup limit " + size_text(*group) : "no cgroup limit");
  if (address_space && *address_space < kLittleAddressSpace) {
    return warning("memory", text + ": that is little room for address space that is only reserved",
                   {"ulimit -v unlimited"});
  }
  if (address_space) {
    return warning("memory",
                   text +
                       ": symbols of files are not mapped then, and wrappers that are static "
                       "functions are charged themselves",
                   {"ulimit -v unlimited"});
  }
  if (maps < kUsualMaps) {
    return warning("memory",
                   fmt::format("{}; vm.max_map_count={} is low: a large heap may be refused "
                               "more mappings",
                               text, maps),
                   {fmt::format("sudo sysctl vm.max_map_count={}", kUsualMaps)});
  }
  return ok("memory", text);
}

}  // namespace heaptag::tools
