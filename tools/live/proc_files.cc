#include "tools/live/proc_files.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

namespace heaptag::tools {
namespace {

std::string proc_path(pid_t pid, const char* file) {
  return fmt::format("/proc/{}/{}", pid, file);
}

std::string read_whole(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::string read_link(const std::string& path) {
  char target[4096];
  const ssize_t length = readlink(path.c_str(), target, sizeof target);
  return length < 0 ? "" : std::string(target, static_cast<size_t>(length));
}

std::vector<std::string> split_at_nul(const std::string& block) {
  std::vector<std::string> parts;
  for (size_t begin = 0; begin < block.size();) {
    const size_t end = std::min(block.find('\0', begin), block.size());
    parts.push_back(block.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

/// "7f00-7f10 r-xp 00001000 08:01 1234    /path with spaces"
bool parse_mapping(const std::string& line, Mapping& mapping) {
  unsigned long begin = 0;
  unsigned long end = 0;
  unsigned long offset = 0;
  int path_at = 0;
  if (std::sscanf(line.c_str(), "%lx-%lx %*s %lx %*s %*s %n", &begin, &end, &offset, &path_at) <
      3) {
    return false;
  }
  mapping = {begin, end, offset, path_at > 0 ? line.substr(static_cast<size_t>(path_at)) : ""};
  return true;
}

}  // namespace

std::vector<pid_t> all_process_ids() {
  std::vector<pid_t> ids;
  std::error_code error;
  for (std::filesystem::directory_iterator entry("/proc", error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename();
    pid_t pid = 0;
    const auto [stopped, failure] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (failure == std::errc() && stopped == name.data() + name.size()) {
      ids.push_back(pid);
    }
  }
  std::sort(ids.begin(), ids.end());
  return ids;
}

ProcessStatus read_status(pid_t pid) {
  ProcessStatus status;
  std::istringstream lines(read_whole(proc_path(pid, "status")));
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string key;
    words >> key;
    if (key == "State:") {
      words >> status.state;
    } else if (key == "Uid:") {
      words >> status.effective_uid >> status.effective_uid;
    } else if (key == "NSpid:") {
      for (pid_t inner = 0; words >> inner;) {
        status.inner_pid = inner;  // the innermost is last
      }
    } else if (key == "VmHWM:") {
      words >> status.max_resident_bytes;
      status.max_resident_bytes *= 1024;
    }
  }
  return status;
}

std::string program_of(pid_t pid) {
  std::string path = read_link(proc_path(pid, "exe"));
  constexpr std::string_view kDeleted = " (deleted)";
  if (path.ends_with(kDeleted)) {
    path.resize(path.size() - kDeleted.size());
  }
  if (path.empty()) {
    path = read_whole(proc_path(pid, "comm"));
    path.erase(path.find_last_not_of('\n') + 1);
    return path;
  }
  return path.substr(path.find_last_of('/') + 1);
}

std::vector<Mapping> read_mappings(pid_t pid, int& error) {
  std::vector<Mapping> mappings;
  errno = 0;
  std::ifstream file(proc_path(pid, "maps"));
  if (!file) {
    error = errno == 0 ? ENOENT : errno;
    return mappings;
  }
  error = 0;
  Mapping mapping;
  for (std::string line; std::getline(file, line);) {
    if (parse_mapping(line, mapping)) {
      mappings.push_back(mapping);
    }
  }
  return mappings;
}

uint64_t start_ticks(pid_t pid) {
  const std::string stat = read_whole(proc_path(pid, "stat"));
  // The name in parentheses may hold anything; 20 words follow it up to the start time.
  std::istringstream words(stat.substr(std::min(stat.rfind(')') + 1, stat.size())));
  std::string word;
  for (int i = 0; i < 20 && words >> word; ++i) {
  }
  return std::strtoull(word.c_str(), nullptr, 10);
}

uint64_t resident_bytes_of(pid_t pid) {
  std::istringstream words(read_whole(proc_path(pid, "statm")));
  uint64_t size_pages = 0;
  uint64_t resident_pages = 0;
  words >> size_pages >> resident_pages;
  return resident_pages * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

std::vector<std::string> read_arguments(pid_t pid) {
  return split_at_nul(read_whole(proc_path(pid, "cmdline")));
}

std::vector<std::string> read_environment_of(pid_t pid) {
  return split_at_nul(read_whole(proc_path(pid, "environ")));
}

std::string root_of(pid_t pid) {
  struct stat theirs = {};
  struct stat ours = {};
  const std::string root = proc_path(pid, "root");
  const bool is_same = stat(root.c_str(), &theirs) != 0 || stat("/", &ours) != 0 ||
                       (theirs.st_dev == ours.st_dev && theirs.st_ino == ours.st_ino);
  return is_same ? "" : root;
}

std::string cgroup_of(pid_t pid) {
  std::istringstream lines(read_whole(proc_path(pid, "cgroup")));
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("0::/")) {
      return "/sys/fs/cgroup" + line.substr(3);
    }
  }
  return "";
}

bool read_number_file(const std::string& path, uint64_t& number) {
  std::ifstream file(path);
  return static_cast<bool>(file >> number);
}

}  // namespace heaptag::tools
