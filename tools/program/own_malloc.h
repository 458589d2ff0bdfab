// Programs that come with a malloc of their own: heaptag stands aside for them.
#pragma once

#include <string>
#include <vector>

#include "tools/program/elf_facts.h"

namespace heaptag::tools {

/// Whether a file of that name is this library: "libz.so.1" and "libz-1.2.so" are "libz".
bool is_library(const std::string& path, const std::string& stem);

/// The runtime of a sanitizer, by its name.
bool is_sanitizer(const std::string& path);

/// The function by which a sanitizer shows that it was linked in; "" without one.
std::string sanitizer_in(const ElfFacts& elf);

/// Which of malloc, free, calloc and realloc it defines for all: any of them decides whose heap it
/// is.
std::vector<std::string> malloc_family_in(const ElfFacts& elf);

/// Whether the loader gives an executable another malloc than the one that is preloaded.
bool has_own_malloc(const ElfFacts& executable);

}  // namespace heaptag::tools
