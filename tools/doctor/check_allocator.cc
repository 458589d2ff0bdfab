#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "core/base/glob.h"
#include "tools/doctor/program_checks.h"
#include "tools/program/own_malloc.h"

namespace heaptag::tools {
namespace {

constexpr const char* kTopic = "allocator";

struct KnownProgram {
  const char* glob;
  const char* library;
  const char* setting;
  const char* text;
  const char* next;
};

constexpr KnownProgram kKnownPrograms[] = {
#define HEAPTAG_KNOWN_PROGRAM(glob, library, setting, text, next) \
  {glob, library, setting, text, next},
#include "tools/doctor/known_programs.def"
#undef HEAPTAG_KNOWN_PROGRAM
};

struct KnownLibrary {
  const char* stem;
  const char* figures;  // what will be empty
};

constexpr KnownLibrary kAllocators[] = {
    {"libjemalloc", "mallctl() and MALLOC_CONF will speak of jemalloc's own, empty heap"},
    {"libtcmalloc", "MallocExtension and HEAPPROFILE will speak of tcmalloc's own, empty heap"},
    {"libmimalloc", "mi_stats_print() and MIMALLOC_* will speak of mimalloc's own, empty heap"},
    {"libhoard", "Hoard's own figures will be empty"},
    {"libtbbmalloc_proxy", "scalable_malloc's own figures will be empty"},
    {"libsnmallocshim", "snmalloc's own figures will be empty"},
};

const KnownLibrary* known_allocator_or_null(const std::string& path) {
  const auto* found =
      std::find_if(std::begin(kAllocators), std::end(kAllocators),
                   [&](const KnownLibrary& one) { return is_library(path, one.stem); });
  return found == std::end(kAllocators) ? nullptr : found;
}

/// A sanitizer that is linked into the program, or comes with it.
std::optional<Finding> check_sanitizer(const ProgramFacts& program) {
  if (const std::string name = sanitizer_in(program.elf); !name.empty()) {
    return failure(Harm::kCountsNothing, kTopic, "it is built with a sanitizer",
                   fmt::format("has a sanitizer in it ({}), whose malloc comes before every "
                               "library's: heaptag stands aside and counts nothing",
                               name),
                   {"run a build without -fsanitize="});
  }
  for (const LibraryFacts& library : program.libraries) {
    if (!is_sanitizer(library.path)) {
      continue;
    }
    return failure(
        Harm::kCountsNothing, kTopic, "it is built with a sanitizer",
        fmt::format("links {}: heaptag stands aside for the sanitizer and counts nothing",
                    file_name(library.path)),
        {"run a build without -fsanitize="});
  }
  return std::nullopt;
}

std::optional<Finding> check_own_malloc(const ProgramFacts& program) {
  const std::vector<std::string> names = malloc_family_in(program.elf);
  const auto has = [&](const char* name) { return program.elf.exports.contains(name); };
  if (names.empty()) {
    return std::nullopt;
  }
  const char* whose = has("je_mallctl") || has("mallctl") || has("_rjem_mallctl") ? " (jemalloc)"
                      : has("mi_malloc")                                          ? " (mimalloc)"
                      : has("tc_malloc")                                          ? " (tcmalloc)"
                                                                                  : "";
  return failure(Harm::kCountsNothing, kTopic, "it has a malloc of its own",
                 fmt::format("exports {} of its own{}, which the loader takes before those of any "
                             "library: heaptag stands aside entirely and counts nothing",
                             fmt::join(names, ", "), whose),
                 {"build it with libc's malloc (link without its allocator)"});
}

/// Allocators inside, called by other names.
void add_prefixed(const ProgramFacts& program, Findings& findings) {
  std::set<std::string> names = program.elf.allocators;
  std::string where = "it";
  for (const LibraryFacts& library : program.libraries) {
    if (names.empty() && !library.elf.allocators.empty() &&
        known_allocator_or_null(library.path) == nullptr) {
      names = library.elf.allocators;
      where = file_name(library.path);
    }
  }
  if (names.empty()) {
    return;
  }
  const bool is_redis =
      program_name(program).starts_with("redis") || program_name(program).starts_with("valkey");
  findings.push_back(
      warning(kTopic,
              fmt::format("{} has an allocator under another name ({}): what it allocates by that "
                          "name never passes through malloc and is not counted",
                          where, fmt::join(names, ", ")),
              {is_redis ? "make MALLOC=libc" : "build it with libc's malloc"}));
}

void add_linked(const ProgramFacts& program, Findings& findings) {
  for (const LibraryFacts& library : program.libraries) {
    if (const KnownLibrary* known = known_allocator_or_null(library.path)) {
      const std::string calls = program.elf.foreign.empty()
                                    ? ""
                                    : fmt::format("; what it gets from {} itself is not counted",
                                                  fmt::join(program.elf.foreign, ", "));
      findings.push_back(
          warning(kTopic, fmt::format("links {}: malloc and free move to heaptag; {}{}",
                                      file_name(library.path), known->figures, calls)));
    }
  }
}

const KnownProgram* known_program_or_null(const ProgramFacts& program) {
  const std::string name = program_name(program);
  const auto* found = std::find_if(
      std::begin(kKnownPrograms), std::end(kKnownPrograms), [&](const KnownProgram& known) {
        return glob_matches(known.glob, name) ||
               (*known.library != '\0' &&
                std::any_of(program.libraries.begin(), program.libraries.end(),
                            [&](const LibraryFacts& one) {
                              return file_name(one.path).starts_with(known.library);
                            }));
      });
  return found == std::end(kKnownPrograms) ? nullptr : found;
}

bool has_entry(const std::vector<std::string>& environment, const std::string& entry) {
  return std::find(environment.begin(), environment.end(), entry) != environment.end();
}

}  // namespace

std::string helpful_setting(const ProgramFacts& program) {
  const KnownProgram* known = known_program_or_null(program);
  return known == nullptr || has_entry(program.environment, known->setting) ? "" : known->setting;
}

Findings check_allocator(const ProgramFacts& program) {
  if (const auto found = check_sanitizer(program)) {
    return {*found};
  }
  if (const auto found = check_own_malloc(program)) {
    return {*found};
  }
  Findings findings;
  add_linked(program, findings);
  add_prefixed(program, findings);
  if (const KnownProgram* known = known_program_or_null(program)) {
    if (*known->setting != '\0' && has_entry(program.environment, known->setting)) {
      findings.push_back(ok(kTopic, fmt::format("{}: it uses malloc", known->setting)));
    } else {
      findings.push_back(warning(kTopic, known->text,
                                 *known->next == '\0' ? std::vector<std::string>{}
                                                      : std::vector<std::string>{known->next}));
    }
  }
  if (findings.empty()) {
    findings.push_back(ok(kTopic, "none of its own: malloc and free move to heaptag"));
  }
  return findings;
}

std::string preload_conflict(const std::string& path, const ElfFacts& elf) {
  if (is_sanitizer(path)) {
    return "is a sanitizer";
  }
  return malloc_family_in(elf).empty() && known_allocator_or_null(path) == nullptr
             ? ""
             : "is an allocator";
}

}  // namespace heaptag::tools
