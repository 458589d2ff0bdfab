// The areas of a user, as the registry's file has them: read without its lock, and each looked at
// again in /proc.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

namespace heaptag::tools {

struct AreaRow {
  int32_t id = 0;
  std::string name;
  int32_t team = 0;
  std::string program;  // "system" for areas that outlive their process, "-" when not known
  uint64_t address = 0;
  uint64_t size_bytes = 0;
  uint64_t memory_bytes = 0;  // that its pages take, in memory or swapped out
  uint32_t lock = 0;
  uint32_t protection = 0;
  uint32_t object = 0;    // equal for areas that show the same memory
  uint32_t shown_by = 0;  // so many areas show it
};

struct AreaList {
  std::string path;            // of the registry
  std::vector<AreaRow> areas;  // by id
  size_t dead = 0;             // areas whose process has ended, still in the registry
};

/// There is a registry, and it cannot be read: what() says why and what to do.
class BrokenRegistry : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Of the calling user; `name_space` "" is the common one. Without a registry there are no areas.
AreaList read_areas(const std::string& name_space);

/// "full", "rw-": as the table has it.
std::string lock_name(uint32_t lock);
std::string protection_name(uint32_t protection);

}  // namespace heaptag::tools
