#include "tools/program/own_malloc.h"

#include <algorithm>

namespace heaptag::tools {

bool is_library(const std::string& path, const std::string& stem) {
  const std::string name = path.substr(path.find_last_of('/') + 1);
  if (!name.starts_with(stem) || name.size() == stem.size()) {
    return false;
  }
  const char behind = name[stem.size()];
  return behind == '.' || behind == '-' || behind == '_';
}

bool is_sanitizer(const std::string& path) {
  constexpr const char* kStems[] = {"libasan",          "libtsan",           "liblsan",
                                    "libhwasan",        "libclang_rt.asan",  "libclang_rt.tsan",
                                    "libclang_rt.lsan", "libclang_rt.hwasan"};
  return std::any_of(std::begin(kStems), std::end(kStems),
                     [&](const char* stem) { return is_library(path, stem); });
}

std::string sanitizer_in(const ElfFacts& elf) {
  for (const char* name :
       {"__asan_init", "__tsan_init", "__lsan_init", "__msan_init", "__hwasan_init"}) {
    if (elf.exports.contains(name)) {
      return name;
    }
  }
  return elf.has_sanitizer ? "functions of its runtime" : "";
}

std::vector<std::string> malloc_family_in(const ElfFacts& elf) {
  std::vector<std::string> names;
  for (const char* name : {"malloc", "free", "calloc", "realloc"}) {
    if (elf.exports.contains(name)) {
      names.emplace_back(name);
    }
  }
  return names;
}

bool has_own_malloc(const ElfFacts& executable) {
  return !malloc_family_in(executable).empty() || !sanitizer_in(executable).empty() ||
         std::any_of(executable.needed.begin(), executable.needed.end(), is_sanitizer);
}

}  // namespace heaptag::tools
