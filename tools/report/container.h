// The container that a process runs in, as its control groups tell.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

namespace heaptag::tools {

/// Finds the innermost container or machine in the text of /proc/PID/cgroup (either version of
/// control groups): the 64 hex digits that Docker, Podman, containerd and CRI-O give to one, the
/// name of one of LXC's or of systemd-machined's (nspawn). Returns "" when there is none.
std::string container_in(std::string_view cgroup_text);

/// How a list shows it: ids by their first 12 digits.
std::string short_container_name(const std::string& container);

/// The container of a process, as a list shows it; "" for the one that we are in ourselves.
std::string container_of(pid_t pid);

}  // namespace heaptag::tools
