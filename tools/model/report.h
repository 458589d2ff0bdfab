// A report that owns its text: read from JSON, completed by the command (symbols, how the program
// ended), then lent to core/render. The fields mean what those of core/render/model.h mean; an
// empty string is "not known".
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "core/render/model.h"

namespace heaptag::tools {

struct Frame {
  std::string module;
  std::string build_id;
  uint64_t offset = 0;
  std::string function;
  uint64_t function_offset = 0;
  std::string file;
  uint32_t line = 0;
  bool inlined = false;
  std::string symbol;  // the function as the linker has it, if that is known; in no format
};

struct Site {
  uint32_t id = 0;
  std::vector<Frame> frames;
  render::Figures figures;
  uint32_t size_classes = 0;
  uint64_t at_peak_bytes = 0;
};

struct Tag {
  std::string name;
  std::string origin;
  render::Figures figures;
  uint64_t peak_live_bytes = 0;
  uint64_t at_peak_bytes = 0;
  uint64_t limit_bytes = 0;
  std::vector<Site> sites;
};

struct Module {
  std::string path;
  std::string build_id;
  uint64_t base = 0;
  uint64_t end = 0;
  std::string loaded_at;
  std::string unloaded_at;
};

struct Rule {
  std::string name;
  std::string text;
  uint64_t matched_sites = 0;
};

struct Neighbour {
  int64_t distance = 0;
  uint64_t size = 0;
  std::string owner;
  std::string state;
  bool intact = true;
};

struct Event {
  std::vector<Frame> frames;
  uint64_t thread = 0;
  uint64_t age_ns = 0;
  bool age_known = false;
};

struct Error {
  std::string kind;
  std::string found_when;
  uint64_t address = 0;
  uint64_t block = 0;
  uint64_t size = 0;
  int64_t offset = 0;
  uint64_t length = 0;
  std::string expected;
  std::string found;
  std::string before;
  std::string after;
  std::string value_is;
  std::string owner;
  std::string block_state;
  std::string caught_by;
  std::string advice;
  Event allocated;
  Event freed;
  Event detected;
  std::vector<Neighbour> neighbours;
  uint64_t frees_ago = 0;
  bool frees_ago_known = false;
  uint64_t count = 1;
  bool withdrawn = false;
  bool refused = false;
};

struct Process {
  uint64_t pid = 0;
  std::string program;
  std::vector<std::string> argv;
  std::string start_time;
  std::string report_time;
  uint64_t run_ns = 0;
  uint64_t at_peak_ns = 0;
  std::string reason;
  bool exit_known = false;
  int exit_status = 0;
  int killed_by_signal = 0;
};

struct Environment {
  bool cgroup_limit_known = false;
  uint64_t cgroup_limit = 0;
  bool cgroup_use_known = false;
  uint64_t cgroup_use = 0;
  std::string kernel;
  std::string libc;
};

struct Report {
  std::string version;
  Process process;
  Environment environment;
  render::Memory memory;
  render::Totals totals;
  std::vector<std::pair<std::string, std::string>> options;
  std::vector<Tag> tags;
  std::vector<Module> modules;
  std::vector<Rule> rules;
  std::vector<Error> errors;
  bool checks = false;
};

/// Visits the frames of all call sites, and those of all errors.
template <typename SomeReport, typename Visit>
void for_each_stack(SomeReport& report, Visit visit) {
  for (auto& tag : report.tags) {
    for (auto& site : tag.sites) {
      visit(site.frames);
    }
  }
  for (auto& error : report.errors) {
    visit(error.allocated.frames);
    visit(error.freed.frames);
    visit(error.detected.frames);
  }
}

}  // namespace heaptag::tools
