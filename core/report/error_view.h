// An error as it was kept, with names and words, for whoever writes it. Layer: core/report.
#pragma once

#include <span>

#include "core/base/format.h"
#include "core/elf/elf_symbols.h"
#include "core/render/model.h"
#include "core/report/error_store.h"

namespace heaptag::report {

/// Symbols of modules, opened as they are needed, closed at the end: names are lent until then.
class SymbolSource {
 public:
  SymbolSource() = default;

  ~SymbolSource() { close(); }

  SymbolSource(const SymbolSource&) = delete;
  SymbolSource& operator=(const SymbolSource&) = delete;

  /// Names that were lent are gone.
  void close();

  /// Modules beyond these have no names.
  bool is_full() const { return count_ == kMaxOpen; }

  /// The modules of the report that frames are for: these have build-ids. Lent.
  void name_modules(std::span<const render::Module> modules) { modules_ = modules; }

  /// Fills what is known of a frame.
  void describe(const KeptFrame& kept, render::Frame* frame);

  /// The name of an owner: its tag's, or its function's. Null: not known.
  const char* owner_name(uint32_t owner);

 private:
  static constexpr unsigned kMaxOpen = 24;

  struct Open {
    uint32_t module;
    bool has_symbols;
    elf::Symbols symbols;
  };

  const Open* open(uint32_t module);

  std::span<const render::Module> modules_;  // from number 1 on
  Open open_[kMaxOpen]{};
  unsigned count_ = 0;
};

/// One error, whole: strings and arrays lie in here.
struct ErrorView {
  static constexpr size_t kHexChars = 2 * kShownBytes + 1;

  render::Error error;
  render::Frame allocated[kMaxFrames];
  render::Frame freed[kMaxFrames];
  render::Frame detected[kMaxFrames];
  render::Neighbour neighbours[kMaxNeighbours];
  char expected[kHexChars];
  char found[kHexChars];
  char before[kHexChars];
  char after[kHexChars];
  char value_is[160];
  char names[4096];  // of functions, when they are demangled
};

void make_view(const KeptError& kept, SymbolSource* symbols, ErrorView* view);

/// Gives functions the names that people write, as far as there is room for them.
void demangle_view(ErrorView* view);

}  // namespace heaptag::report
