#include "tools/doctor/proc_text.h"

#include <algorithm>
#include <charconv>
#include <sstream>

namespace heaptag::tools {
namespace {

std::string trimmed(const std::string& text) {
  const size_t begin = text.find_first_not_of(" \t\n");
  return begin == std::string::npos
             ? ""
             : text.substr(begin, text.find_last_not_of(" \t\n") + 1 - begin);
}

std::optional<uint64_t> number_in(const std::string& text) {
  uint64_t number = 0;
  const auto [stopped, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || stopped != text.data() + text.size()) {
    return std::nullopt;
  }
  return number;
}

/// "FILE" in the directory itself and in all above it, innermost first.
void add_up_to_root(std::vector<std::string>& files,
                    const std::string& root,
                    std::string path,
                    const std::string& file) {
  for (;;) {
    while (path.ends_with('/')) {
      path.pop_back();
    }
    files.push_back(root + path + "/" + file);
    if (path.empty()) {
      return;
    }
    path.resize(path.find_last_of('/') == std::string::npos ? 0 : path.find_last_of('/'));
  }
}

bool has_controller(const std::string& controllers, const std::string& wanted) {
  std::istringstream names(controllers);
  for (std::string name; std::getline(names, name, ',');) {
    if (name == wanted) {
      return true;
    }
  }
  return false;
}

}  // namespace

std::string status_field(const std::string& status_text, const std::string& key) {
  std::istringstream lines(status_text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(key) && line.size() > key.size() && line[key.size()] == ':') {
      return trimmed(line.substr(key.size() + 1));
    }
  }
  return "";
}

std::optional<uint64_t> address_space_limit(const std::string& limits_text) {
  constexpr std::string_view kName = "Max address space";
  std::istringstream lines(limits_text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(kName)) {
      std::istringstream words(line.substr(kName.size()));
      std::string soft;
      words >> soft;
      return number_in(soft);  // "unlimited" is none
    }
  }
  return std::nullopt;
}

std::vector<std::string> memory_limit_files(const std::string& cgroup_text) {
  std::vector<std::string> files;
  std::istringstream lines(cgroup_text);
  for (std::string line; std::getline(lines, line);) {
    const size_t first = line.find(':');
    const size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) {
      continue;
    }
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const std::string path = line.substr(second + 1);
    if (controllers.empty()) {
      add_up_to_root(files, "/sys/fs/cgroup", path, "memory.max");
    } else if (has_controller(controllers, "memory")) {
      add_up_to_root(files, "/sys/fs/cgroup/memory", path, "memory.limit_in_bytes");
    }
  }
  return files;
}

std::optional<uint64_t> memory_limit_in(const std::string& file_text) {
  constexpr uint64_t kNoLimit = uint64_t{1} << 62;  // version 1 says a little less than 2^63
  const std::optional<uint64_t> limit = number_in(trimmed(file_text));
  return limit && *limit < kNoLimit ? limit : std::nullopt;
}

std::optional<std::string> variable(const std::vector<std::string>& environment,
                                    const std::string& name) {
  for (const std::string& entry : environment) {
    if (entry.size() > name.size() && entry[name.size()] == '=' && entry.starts_with(name)) {
      return entry.substr(name.size() + 1);
    }
  }
  return std::nullopt;
}

std::vector<std::string> preload_entries(const std::string& value) {
  std::vector<std::string> entries;
  for (size_t begin = 0; begin < value.size();) {
    const size_t end = std::min(value.find_first_of(" :\t\n", begin), value.size());
    if (end > begin) {
      entries.push_back(value.substr(begin, end - begin));
    }
    begin = end + 1;
  }
  return entries;
}

}  // namespace heaptag::tools
