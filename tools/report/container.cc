#include "tools/report/container.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>

namespace heaptag::tools {
namespace {

constexpr size_t kIdDigits = 64;
constexpr size_t kShownDigits = 12;

bool is_hex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

bool is_id(std::string_view text) {
  return text.size() == kIdDigits && std::all_of(text.begin(), text.end(), is_hex);
}

/// The first part of `text` up to a separator, which goes too; all of it without one.
std::string_view take_until(std::string_view& text, char separator) {
  const size_t end = std::min(text.find(separator), text.size());
  const std::string_view part = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return part;
}

bool drop_ends(std::string_view& text, std::string_view begin, std::string_view end) {
  if (text.size() <= begin.size() + end.size() || !text.starts_with(begin) ||
      !text.ends_with(end)) {
    return false;
  }
  text = text.substr(begin.size(), text.size() - begin.size() - end.size());
  return true;
}

int digit_of(char c) {
  return c <= '9' ? c - '0' : c - 'a' + 10;
}

/// Names of units as systemd escapes them: "web\x2d1" is "web-1".
std::string unescape(std::string_view unit) {
  std::string name;
  for (size_t i = 0; i < unit.size(); ++i) {
    const bool is_escape = unit[i] == '\\' && i + 3 < unit.size() && unit[i + 1] == 'x' &&
                           is_hex(unit[i + 2]) && is_hex(unit[i + 3]);
    name +=
        is_escape ? static_cast<char>(digit_of(unit[i + 2]) * 16 + digit_of(unit[i + 3])) : unit[i];
    i += is_escape ? 3 : 0;
  }
  return name;
}

/// The container that one directory of a path stands for: ID, docker-ID.scope, libpod-ID.scope,
/// cri-containerd-ID.scope, SLICE:cri-containerd:ID, lxc.payload.NAME, machine-NAME.scope,
/// systemd-nspawn@NAME.service. The monitors beside them (libpod-conmon-ID.scope, lxc.monitor.NAME)
/// run outside.
std::string container_at(std::string_view directory) {
  std::string_view rest = directory;
  if (drop_ends(rest, "lxc.payload.", "")) {
    return std::string(rest);
  }
  if (drop_ends(rest, "machine-", ".scope") || drop_ends(rest, "systemd-nspawn@", ".service")) {
    return unescape(rest);
  }
  drop_ends(rest, "", ".scope");
  const size_t begin = rest.find_last_of("-:") + 1;  // 0 without one
  const std::string_view id = rest.substr(begin);
  const bool is_monitor = rest.substr(0, begin).ends_with("conmon-");
  return is_id(id) && !is_monitor ? std::string(id) : "";
}

/// The innermost one of a path. "/lxc/NAME/..." is the form of old versions of LXC.
std::string container_in_path(std::string_view path) {
  std::string found;
  std::string_view parent;
  while (!path.empty()) {
    const std::string_view directory = take_until(path, '/');
    const std::string one = container_at(directory);
    if (!one.empty()) {
      found = one;
    } else if (parent == "lxc" && !directory.empty()) {
      found = directory;
    }
    parent = directory;
  }
  return found;
}

std::string container_of_process(const std::string& process) {
  std::ifstream file(fmt::format("/proc/{}/cgroup", process));
  return container_in({std::string{std::istreambuf_iterator<char>(file), {}}});
}

}  // namespace

std::string container_in(std::string_view cgroup_text) {
  while (!cgroup_text.empty()) {
    std::string_view line = take_until(cgroup_text, '\n');
    take_until(line, ':');  // number of the hierarchy
    take_until(line, ':');  // controllers
    if (const std::string found = container_in_path(line); !found.empty()) {
      return found;
    }
  }
  return "";
}

std::string short_container_name(const std::string& container) {
  return is_id(container) ? container.substr(0, kShownDigits) : container;
}

std::string container_of(pid_t pid) {
  const std::string container = container_of_process(std::to_string(pid));
  return container == container_of_process("self") ? "" : short_container_name(container);
}

}  // namespace heaptag::tools
