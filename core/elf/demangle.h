// Names of C++ functions as people write them, made inside of the target.
// Layer: core/elf.  Allocates: no.  Locks: none.
// Source: libiberty's demangler, which c++filt and gdb use (Debian: libiberty-dev).
#pragma once

#include <cstddef>

namespace heaptag::elf {

/// Longer symbols are refused: the demangler takes stack in proportion to their length. At this one
/// it is 60 KiB for names that compilers make, and 250 KiB for the worst that can be made up.
inline constexpr size_t kMaxDemangledSymbol = 600;

enum class DemangleForm {
  kWhole,  // "void exif::read<int>(Reader&, int)": what abi::__cxa_demangle says
  kName,   // "exif::read<int>": without return type, parameters and const
};

/// Writes the demangled name of a symbol, NUL-terminated. Pre: capacity > 0.
/// Returns: false when it is not mangled as C++, too long, or does not fit; the buffer may have
/// been written to. Cost: microseconds.
bool demangle(const char* symbol,
              char* buffer,
              size_t capacity,
              DemangleForm form = DemangleForm::kWhole);

}  // namespace heaptag::elf
