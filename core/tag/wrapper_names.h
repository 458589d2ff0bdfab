// Which functions allocate for their caller: the built-in list (wrappers.def) and what the user
// adds. Asked once for every function symbol of every module, so a no has to be quick. Layer:
// core/tag.  Allocates: no.  Locks: none: globs are added before anything is asked.
#pragma once

#include <string_view>

#include "core/base/types.h"

namespace heaptag::tag {

inline constexpr size_t kMaxWrapperGlobs = 64;

/// Adds what HEAPTAG_WRAPPERS says: FUNCTION_GLOB[@MODULE_GLOB], parted at the @; no module glob is
/// any module. Functions may be named raw or demangled (elf::FunctionGlob). FUNCTION_GLOB may also
/// be the name that a report gives to an owner: `module!function+0x1f` means that function of that
/// module, `module+0x1f` the one around that address. Copies the texts.
/// Returns: false when there is nothing to match, or no room for it (64 globs, 4 KiB of text).
bool add_wrapper_glob(std::string_view function_glob, std::string_view module_glob);

/// Does a function allocate for its caller? `symbol` is raw (mangled), `module` the base name of
/// its file. Versions (@@GLIBC_2.34) and suffixes of compilers (.cold, .part.0) do not count.
/// Cost: 25 ns, and as much for each user glob; microseconds, and a stack of 70 KiB, for C++
/// symbols that have the longest word of a user glob.
bool is_wrapper_name(std::string_view symbol, std::string_view module);

/// Are functions without a symbol wrappers in this module? So it is in stripped libraries whose
/// allocation helpers are static: then the first function that has a name gets the blame.
bool is_opaque_module(std::string_view module);

/// Did the user name any address at all?
bool has_wrapper_offsets();

/// Did the user name an address in [begin, end), ELF virtual addresses of this module?
bool is_wrapper_offset(std::string_view module, uint64_t begin, uint64_t end);

void forget_wrapper_globs_for_test();

}  // namespace heaptag::tag
