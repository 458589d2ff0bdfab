// What the text of files below /proc says. Pure: a test gives the text.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace heaptag::tools {

/// The rest of the line "KEY:" in /proc/PID/status, without blanks around it; "" when there is no
/// such line.
std::string status_field(const std::string& status_text, const std::string& key);

/// The soft limit "Max address space" of /proc/PID/limits in bytes; nothing when unlimited.
std::optional<uint64_t> address_space_limit(const std::string& limits_text);

/// The directories below /sys/fs/cgroup whose limits hold for a process, innermost first, with the
/// file of each that has the limit: of version 2, or of the memory controller of version 1.
std::vector<std::string> memory_limit_files(const std::string& cgroup_text);

/// The limit that such a file states in bytes; nothing for "max" and for what version 1 says then.
std::optional<uint64_t> memory_limit_in(const std::string& file_text);

/// The value of a variable in entries NAME=VALUE; nothing when it is not there.
std::optional<std::string> variable(const std::vector<std::string>& environment,
                                    const std::string& name);

/// The entries of LD_PRELOAD, in order: separated by spaces or colons.
std::vector<std::string> preload_entries(const std::string& value);

}  // namespace heaptag::tools
