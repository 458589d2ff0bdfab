// Function, file and line of addresses in ELF files, by libdw: from the file itself, or from its
// separate debug file under /usr/lib/debug. Never from the network.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "tools/model/report.h"

namespace heaptag::tools {

class DebugModule;

/// The answer for one address: its frames, innermost inlined function first, the function that the
/// linker knows last.
using SourceFrames = std::vector<Frame>;

class Symbolizer {
 public:
  /// `root`: what stands before the paths of modules, for a process with another root directory.
  explicit Symbolizer(std::string root = "");
  ~Symbolizer();
  Symbolizer(const Symbolizer&) = delete;
  Symbolizer& operator=(const Symbolizer&) = delete;

  /// Completes a frame that says module, build_id and offset. What is found nowhere stays as the
  /// frame has it; its function is demangled. A file with another build-id is not used.
  /// Cost: each module is opened once and kept open.
  SourceFrames resolve(const Frame& raw);

  /// Resolves the frames of all call sites and errors of a report. Frames that have a line stay.
  void resolve_all(Report& report);

 private:
  using ModuleKey = std::pair<std::string, std::string>;              // path, build-id
  using AddressKey = std::tuple<std::string, std::string, uint64_t>;  // and the offset

  DebugModule& module_for(const Frame& raw);

  std::string root_;
  std::map<ModuleKey, std::unique_ptr<DebugModule>> modules_;
  std::map<AddressKey, SourceFrames> known_;
};

}  // namespace heaptag::tools
