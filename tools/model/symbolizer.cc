#include "tools/model/symbolizer.h"

#include <cstdlib>

#include "tools/model/debug_module.h"
#include "tools/model/demangle.h"

namespace heaptag::tools {
namespace {

/// The best name of the function that the linker knows. Debug information names it without the
/// compiler's suffixes (.cold, .part.0) and without a library's internal aliases (__GI_x), but the
/// name of a C++ function that only one file sees comes without its scopes: then the symbol is
/// better, if it is a mangled one.
std::string outermost_name(const SourcePosition& position, const std::string& symbol) {
  for (const std::string& mangled : {position.linkage_name, symbol}) {
    if (mangled.starts_with("_Z")) {
      return demangle(mangled);
    }
  }
  return position.plain_name.empty() ? symbol : position.plain_name;
}

std::string inlined_name(const SourcePosition& position) {
  return position.linkage_name.starts_with("_Z") || position.plain_name.empty()
             ? demangle(position.linkage_name)
             : position.plain_name;
}

}  // namespace

Symbolizer::Symbolizer(std::string root) : root_(std::move(root)) {
  // libdw's library would ask the servers in this variable for what it does not find here.
  setenv("DEBUGINFOD_URLS", "", 1);
}

Symbolizer::~Symbolizer() = default;

DebugModule& Symbolizer::module_for(const Frame& raw) {
  auto& module = modules_[{raw.module, raw.build_id}];
  if (module == nullptr) {
    module = std::make_unique<DebugModule>(root_ + raw.module, raw.build_id);
  }
  return *module;
}

SourceFrames Symbolizer::resolve(const Frame& raw) {
  Frame outermost = raw;
  outermost.symbol = raw.function;
  outermost.function = demangle(raw.function);
  if (raw.module.empty()) {
    return {outermost};
  }
  DebugModule& module = module_for(raw);
  // The name that the report carries goes first: of several symbols at one address it is the one
  // that the program's own reports show.
  ElfSymbol symbol{raw.function, 0};
  if (raw.function.empty()) {
    symbol = module.symbol(raw.offset);
    outermost.symbol = symbol.name;
    outermost.function = demangle(symbol.name);
    outermost.function_offset = symbol.name.empty() ? 0 : symbol.offset + 1;
  }
  SourceFrames frames;
  for (const SourcePosition& position : module.positions(raw.offset)) {
    Frame frame = outermost;
    frame.inlined = position.inlined;
    frame.file = position.file;
    frame.line = position.line;
    if (position.inlined) {
      frame.symbol = position.linkage_name;
      frame.function = inlined_name(position);
      frame.function_offset = 0;
    } else {
      frame.function = outermost_name(position, symbol.name);
    }
    frames.push_back(frame);
  }
  if (frames.empty()) {
    frames.push_back(outermost);
  }
  return frames;
}

void Symbolizer::resolve_all(Report& report) {
  for_each_stack(report, [this](std::vector<Frame>& stack) {
    std::vector<Frame> frames;
    for (const Frame& raw : stack) {
      if (raw.inlined || !raw.file.empty()) {
        frames.push_back(raw);
        continue;
      }
      const AddressKey key{raw.module, raw.build_id, raw.offset};
      auto known = known_.find(key);
      if (known == known_.end()) {
        known = known_.emplace(key, resolve(raw)).first;
      }
      frames.insert(frames.end(), known->second.begin(), known->second.end());
    }
    stack = std::move(frames);
  });
}

}  // namespace heaptag::tools
