// What /proc says about a process. Nothing here throws: what cannot be read is empty or 0, since
// the process may be somebody else's, or gone.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace heaptag::tools {

struct Mapping {
  uint64_t begin = 0;
  uint64_t end = 0;
  uint64_t file_offset = 0;
  std::string path;
};

struct ProcessStatus {
  char state = '\0';    // of /proc/PID/status: R S D T t Z ...; NUL: there is no such process
  pid_t inner_pid = 0;  // in its own pid namespace
  uid_t effective_uid = 0;
  uint64_t max_resident_bytes = 0;
};

std::vector<pid_t> all_process_ids();
ProcessStatus read_status(pid_t pid);

/// The base name of its executable; of a kernel thread, or one that we may not look at, its name.
std::string program_of(pid_t pid);

/// `error`: errno, 0 when it could be read (a zombie has none).
std::vector<Mapping> read_mappings(pid_t pid, int& error);

/// Changes when the pid is another process's.
uint64_t start_ticks(pid_t pid);

uint64_t resident_bytes_of(pid_t pid);
std::vector<std::string> read_arguments(pid_t pid);
std::vector<std::string> read_environment_of(pid_t pid);

/// Where absolute paths of the process begin: "" for the same root as ours, else /proc/PID/root.
std::string root_of(pid_t pid);

/// The path of its memory cgroup (version 2) below /sys/fs/cgroup, "" when there is none to see.
std::string cgroup_of(pid_t pid);

/// The number in a file; false when there is none.
bool read_number_file(const std::string& path, uint64_t& number);

}  // namespace heaptag::tools
