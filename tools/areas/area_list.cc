#include "tools/areas/area_list.h"

#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>

#include "core/wire/areas_registry.h"

namespace heaptag::tools {
namespace {

using wire::AreaRecord;
using wire::AreasHeader;
using wire::AreaState;
using wire::ObjectRecord;

constexpr uint64_t kStatBlockBytes = 512;

std::string suffix_of(const std::string& name_space) {
  return std::to_string(geteuid()) + (name_space.empty() ? "" : "-" + name_space);
}

/// The file as it is now; areas that change meanwhile are looked at in /proc anyway.
std::string read_registry(const std::string& path) {
  struct stat info {};

  if (lstat(path.c_str(), &info) != 0) {
    if (errno == ENOENT) {
      return "";
    }
    throw BrokenRegistry(fmt::format("{}: {}", path, std::strerror(errno)));
  }
  if (!S_ISREG(info.st_mode) || info.st_uid != geteuid() ||
      info.st_size != static_cast<off_t>(wire::kAreasFileBytes)) {
    throw BrokenRegistry(
        fmt::format("{}: no registry of this user's; remove it when no program uses areas", path));
  }
  std::ifstream file(path, std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(file)), {});
  AreasHeader header{};
  if (bytes.size() == wire::kAreasFileBytes) {
    std::memcpy(&header, bytes.data(), sizeof(header));
  }
  if (header.magic != wire::kAreasMagic || header.version != wire::kAreasVersion ||
      header.areas_end > wire::kMaxAreas || header.objects_end > wire::kMaxAreas) {
    throw BrokenRegistry(fmt::format(
        "{}: broken, or of another version; remove it when no program uses areas", path));
  }
  return bytes;
}

template <typename Record>
Record record_at(const std::string& bytes, size_t start, uint32_t index) {
  Record record;
  std::memcpy(&record, bytes.data() + start + index * sizeof(Record), sizeof(Record));
  return record;
}

/// When the process started, in ticks; nothing when it has ended.
std::optional<uint64_t> start_time(uint32_t pid) {
  std::ifstream file(fmt::format("/proc/{}/stat", pid));
  std::string text((std::istreambuf_iterator<char>(file)), {});
  const size_t behind_name = text.rfind(')');
  if (behind_name == std::string::npos) {
    return std::nullopt;
  }
  std::istringstream fields(text.substr(behind_name + 1));
  std::string state;
  fields >> state;
  std::string field;
  for (int skipped = 0; skipped < 18; ++skipped) {
    fields >> field;
  }
  uint64_t ticks = 0;
  if (state == "Z" || state == "X" || !(fields >> ticks)) {
    return std::nullopt;
  }
  return ticks;
}

std::string program_of(uint32_t pid) {
  std::ifstream file(fmt::format("/proc/{}/comm", pid));
  std::string name;
  return std::getline(file, name) && !name.empty() ? name : "-";
}

uint64_t own_pid_namespace() {
  struct stat info {};

  return stat("/proc/self/ns/pid", &info) == 0 ? info.st_ino : 0;
}

/// Is the mapping still there, though the program has closed its descriptor? What may not be looked
/// at is.
bool has_mapping(const AreaRecord& record, uint64_t inode) {
  std::ifstream file(fmt::format("/proc/{}/maps", record.owner));
  if (!file) {
    return errno != ENOENT;
  }
  std::string line;
  while (std::getline(file, line)) {
    std::istringstream fields(line);
    uint64_t start = 0;
    uint64_t end = 0;
    uint64_t found = 0;
    char dash = 0;
    std::string rights, offset, device;
    fields >> std::hex >> start >> dash >> end >> rights >> offset >> device >> std::dec >> found;
    if (found == inode && record.address >= start && record.address < end) {
      return true;
    }
  }
  return false;
}

enum class Found { kLive, kDead };

Found look_at(const AreaRecord& record,
              const ObjectRecord& object,
              const std::string& name_space,
              AreaRow* row) {
  struct stat info {};

  if (object.file_id != 0 && record.team == wire::kSystemTeam) {
    const std::string path =
        wire::kAreaFilePrefix + suffix_of(name_space) + "." + std::to_string(object.file_id);
    row->program = "system";
    if (stat(path.c_str(), &info) != 0 || info.st_ino != object.inode) {
      return Found::kDead;
    }
    row->memory_bytes = static_cast<uint64_t>(info.st_blocks) * kStatBlockBytes;
    return Found::kLive;
  }
  if (record.pid_namespace != own_pid_namespace()) {
    row->program = "-";
    return Found::kLive;  // nobody here can say
  }
  if (start_time(record.owner) != record.owner_start) {
    return Found::kDead;
  }
  row->program = program_of(record.owner);
  const std::string path = fmt::format("/proc/{}/fd/{}", record.owner, record.fd);
  if (stat(path.c_str(), &info) == 0 && info.st_ino == object.inode) {
    row->memory_bytes = static_cast<uint64_t>(info.st_blocks) * kStatBlockBytes;
    return Found::kLive;
  }
  return has_mapping(record, object.inode) ? Found::kLive : Found::kDead;
}

}  // namespace

AreaList read_areas(const std::string& name_space) {
  AreaList list;
  list.path = wire::kAreasFilePrefix + suffix_of(name_space);
  const std::string bytes = read_registry(list.path);
  if (bytes.empty()) {
    return list;
  }
  const auto header = record_at<AreasHeader>(bytes, 0, 0);
  std::map<uint32_t, uint32_t> shown_by;
  for (uint32_t i = 0; i < header.areas_end; ++i) {
    const auto record = record_at<AreaRecord>(bytes, wire::kAreasAt, i);
    if (record.state != static_cast<uint32_t>(AreaState::kLive) || record.id <= 0 ||
        record.object >= header.objects_end) {
      continue;
    }
    const auto object = record_at<ObjectRecord>(bytes, wire::kObjectsAt, record.object);
    AreaRow row;
    row.id = record.id;
    row.name.assign(record.name, strnlen(record.name, sizeof(record.name)));
    row.team = record.team;
    row.address = record.address;
    row.size_bytes = object.size_bytes;
    row.lock = record.lock;
    row.protection = record.protection;
    row.object = record.object;
    if (look_at(record, object, name_space, &row) == Found::kDead) {
      ++list.dead;
      continue;
    }
    ++shown_by[row.object];
    list.areas.push_back(std::move(row));
  }
  for (AreaRow& row : list.areas) {
    row.shown_by = shown_by[row.object];
  }
  std::sort(list.areas.begin(), list.areas.end(),
            [](const AreaRow& left, const AreaRow& right) { return left.id < right.id; });
  return list;
}

std::string lock_name(uint32_t lock) {
  constexpr const char* kNames[] = {"-", "lazy", "full", "contiguous"};
  return lock < std::size(kNames) ? kNames[lock] : fmt::format("{}", lock);
}

std::string protection_name(uint32_t protection) {
  std::string name;
  name += (protection & 1) != 0 ? 'r' : '-';
  name += (protection & 2) != 0 ? 'w' : '-';
  name += (protection & 4) != 0 ? 'x' : '-';
  return name;
}

}  // namespace heaptag::tools
