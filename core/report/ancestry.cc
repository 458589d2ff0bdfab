#include "core/report/ancestry.h"

#include <string_view>

#include "core/base/format.h"
#include "core/base/text.h"
#include "core/os/file.h"
#include "core/os/process.h"
#include "core/os/vm.h"
#include "core/render/names.h"

namespace heaptag::report {

namespace {

constexpr size_t kEnvironmentBytes = 512 * 1024;
constexpr unsigned kMostParents = 64;

/// "/proc/PID/NAME"
class ProcPath {
 public:
  ProcPath(uint32_t pid, std::string_view name) {
    BufferSink text(path_, sizeof(path_));
    text.sink().put("/proc/");
    text.sink().put(format_decimal(pid).view());
    text.sink().put(name);
  }

  const char* get() const { return path_; }

 private:
  char path_[40];
};

bool has_line(std::string_view block, std::string_view line) {
  while (!block.empty()) {
    const std::string_view entry = take_first(block, block.find('\0'));
    if (entry == line) {
      return true;
    }
    block = drop_first(block, entry.size() + 1);
  }
  return false;
}

// Was process `pid` started with all that is asked for here?
bool has_same_request(uint32_t pid, char** environment) {
  char* block = static_cast<char*>(os::map_pages(kEnvironmentBytes));
  if (block == nullptr) {
    return false;
  }
  const long length = os::read_file(ProcPath(pid, "/environ").get(), block, kEnvironmentBytes);
  const std::string_view theirs{block, length > 0 ? static_cast<size_t>(length) : 0};
  bool same = !theirs.empty();
  for (char** entry = environment; same && *entry != nullptr; ++entry) {
    const std::string_view line{*entry};
    same = (!line.starts_with("HEAPTAG_") && !line.starts_with("LD_PRELOAD=")) ||
           has_line(theirs, line);
  }
  os::unmap(block, kEnvironmentBytes);
  return same;
}

bool is_left_out(uint32_t pid, const char* programs) {
  char path[512];
  return programs != nullptr &&
         os::read_link(ProcPath(pid, "/exe").get(), path, sizeof(path)) > 0 &&
         !config::selects(programs, base_name(path));
}

// 0: not known, or none.
uint32_t parent_of(uint32_t pid) {
  char content[512];
  const long length = os::read_file(ProcPath(pid, "/stat").get(), content, sizeof(content));
  // "PID (NAME) STATE PARENT ...": anything may be in the name.
  std::string_view text{content, length > 0 ? static_cast<size_t>(length) : 0};
  uint64_t parent = 0;
  read_leading_number(drop_first(text, text.rfind(')') + 4), &parent);
  return static_cast<uint32_t>(parent);
}

}  // namespace

Ancestry find_ancestry(char** environment, const config::Options& options) {
  const auto is_root = [&](uint32_t pid) {
    return options.root != nullptr && format_decimal(pid).view() == options.root;
  };
  const auto asks_the_same = [&](uint32_t pid) {
    return options.root != nullptr || has_same_request(pid, environment);
  };
  Ancestry ancestry{true, false};
  uint32_t pid = os::process_id();
  uint32_t parent = os::parent_id();
  for (unsigned i = 0; i < kMostParents && !is_root(pid) && asks_the_same(parent); ++i) {
    ancestry.is_first = false;
    // What cannot be looked at is taken for one that tells.
    if (parent == 0 || !is_left_out(parent, options.programs)) {
      ancestry.has_told_parent = true;
      break;
    }
    pid = parent;
    parent = parent_of(pid);
  }
  return ancestry;
}

}  // namespace heaptag::report
