#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <system_error>

#include "tools/doctor/program_checks.h"
#include "tools/model/debug_module.h"
#include "tools/program/captured.h"

namespace heaptag::tools {
namespace {

constexpr const char* kDpkgQuery = "/usr/bin/dpkg-query";

bool has_lines(const std::string& path, const ElfFacts& elf) {
  return elf.has_debug_lines || DebugModule(path, elf.build_id).has_lines();
}

/// The Debian package that a file came with; "" when there is none, or no Debian.
std::string package_of(const std::string& path) {
  if (access(kDpkgQuery, X_OK) != 0) {
    return "";
  }
  // Packages name files as they were before /bin became a link to /usr/bin.
  for (const std::string& name :
       {path, path.starts_with("/usr/") ? path.substr(4) : "/usr" + path}) {
    const Captured found = capture({kDpkgQuery, "--search", name}, plain_environment());
    const size_t colon = found.output.find(": ");
    if (found.status == 0 && colon != std::string::npos) {
      std::error_code error;
      const std::string package = found.output.substr(0, found.output.find_first_of(":,"));
      return package.find(' ') == std::string::npos ? package : "";
    }
  }
  return "";
}

std::string short_id(const std::string& build_id) {
  return build_id.empty() ? "none" : build_id.substr(0, 6) + "…";
}

std::string library_text(const ProgramFacts& program) {
  size_t with_lines = 0;
  for (const LibraryFacts& library : program.libraries) {
    with_lines += has_lines(program.root + library.path, library.elf) ? 1 : 0;
  }
  const size_t all = program.libraries.size();
  return all == 0 ? "" : fmt::format("; libraries with lines: {} of {}", with_lines, all);
}

}  // namespace

Finding check_symbols(const ProgramFacts& program) {
  // The link of a process leads to its file even when that has been deleted.
  const std::string path = program.root + program.running;
  const ElfFacts& elf = program.elf;
  // libdw's library would ask the servers in this variable for what it does not find here.
  setenv("DEBUGINFOD_URLS", "", 1);
  if (elf.has_debug_lines) {
    return ok("symbols",
              "debug information in the file: owners with file and line" + library_text(program));
  }
  if (has_lines(path, elf)) {
    return ok("symbols", fmt::format("a debug file for build-id {} is installed: owners with file "
                                     "and line{}",
                                     short_id(elf.build_id), library_text(program)));
  }
  std::error_code error;
  const std::string package =
      program.root.empty()
          ? package_of(std::filesystem::weakly_canonical(program.running, error).string())
          : "";
  std::vector<std::string> next;
  if (!package.empty()) {
    next.push_back(
        fmt::format("apt-get install {}-dbgsym   (from the debian-debug archive)", package));
  } else if (elf.build_id.empty()) {
    next.emplace_back("build it with -g");
  } else {
    next.emplace_back("build it with -g, or put its debug file below /usr/lib/debug/.build-id");
  }
  const char* names = elf.has_symbols
                          ? "owners will be functions without lines"
                          : "owners will be exported functions or addresses, without lines";
  return warning(
      "symbols",
      fmt::format("{}{}: {}{}", elf.has_symbols ? "no debug information, " : "stripped, ",
                  elf.build_id.empty() ? "no build-id by which a debug file could be found"
                                       : "no debug file for build-id " + short_id(elf.build_id),
                  names, library_text(program)),
      next);
}

}  // namespace heaptag::tools
