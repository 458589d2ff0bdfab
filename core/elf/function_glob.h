// A glob of function names as people type it, who know their functions demangled.
// Layer: core/elf.  Allocates: no.  Locks: none.
#pragma once

#include <string_view>

#include "core/base/types.h"

namespace heaptag::elf {

/// Borrows: the text of the glob, for its lifetime.
class FunctionGlob {
 public:
  constexpr FunctionGlob() = default;

  explicit FunctionGlob(std::string_view glob);

  std::string_view text() const { return glob_; }

  /// Does the glob match the raw symbol, or its demangled name ("exif::Reader::field"), or, when it
  /// has a "(", the name with its parameters ("exif::Reader::field(int)")? Versions and suffixes of
  /// compilers (@@GLIBC_2.34, .part.0) may be there and need not match.
  /// Cost: a search for the glob's longest word (20 ns); microseconds, and a stack of 70 KiB, for
  /// C++ symbols that have it. Symbols above kMaxDemangledSymbol are matched raw only.
  bool matches(std::string_view symbol) const;

 private:
  bool matches_demangled(std::string_view symbol) const;

  std::string_view glob_;
  std::string_view word_;  // of the glob; every symbol that it can mean has it verbatim
  bool has_parameters_ = false;
};

/// A symbol without what linkers and compilers append to it (C, or mangled as C++ does).
std::string_view without_suffixes(std::string_view symbol);

}  // namespace heaptag::elf
