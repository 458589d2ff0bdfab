// From the tables to a report: figures added up, sites named from the symbols of their modules.
// Layer: core/report.
#pragma once

#include "core/elf/elf_symbols.h"
#include "core/render/model.h"
#include "core/report/scratch.h"

namespace heaptag::report {

class SymbolSource;

/// A report and everything that its strings lie in.
struct Collected {
  render::Report report;
  Scratch scratch;
  std::span<elf::Symbols> symbols;  // one per module, open as long as names are lent
  std::span<uint32_t> sort_words;
  SymbolSource* error_symbols = nullptr;  // lends the names of errors

  ~Collected();
};

/// Fills `collected` with the figures of this moment. False without memory. Threads may go on.
/// Locks: the peak's, and no other: it may be called in a signal handler (allocator/deferred.h).
bool collect(Collected* collected);

}  // namespace heaptag::report
