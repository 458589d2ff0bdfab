#include <elf.h>
#include <fmt/format.h>
#include <gnu/libc-version.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "tools/doctor/program_checks.h"
#include "tools/model/rendering.h"
#include "tools/program/executable.h"
#include "tools/program/own_malloc.h"

namespace heaptag::tools {
namespace {

constexpr const char* kTopic = "program";

std::string machine_name(const ElfFacts& elf) {
  switch (elf.machine) {
    case EM_386:
      return "32-bit x86";
    case EM_X86_64:
      return elf.is_64_bit ? "x86-64" : "x32";
    case EM_AARCH64:
      return "64-bit ARM";
    case EM_ARM:
      return "32-bit ARM";
    case EM_RISCV:
      return "RISC-V";
    default:
      return fmt::format("ELF machine {}", elf.machine);
  }
}

/// Why there is nothing to look at; nothing when there is.
std::optional<Finding> check_that_it_exists(const ProgramFacts& program) {
  struct stat status = {};
  const std::string& word = program.word;
  if (program.file.empty()) {
    const bool is_here = access(word.c_str(), X_OK) == 0;
    return failure(Harm::kBarred, kTopic, "not found in PATH", "not found in PATH",
                   {is_here ? fmt::format("heaptag doctor -- {}", shell_word("./" + word))
                            : "give its path: heaptag doctor -- /path/to/" + word});
  }
  if (!program.root.empty() || program.file.ends_with(" (deleted)")) {
    return std::nullopt;  // it runs: it was there
  }
  for (const std::string& file : {program.file, program.running}) {
    if (file.empty() || stat(file.c_str(), &status) != 0) {
      const std::string what =
          file == program.file ? word
                               : fmt::format("{}, the interpreter of {}",
                                             file.empty() ? script_interpreter(program.file) : file,
                                             program.scripts.back());
      const char* reason = std::strerror(file.empty() ? ENOENT : errno);
      return failure(Harm::kBarred, kTopic, fmt::format("{}: {}", what, reason),
                     fmt::format("{}: {}", what, reason));
    }
    if (S_ISDIR(status.st_mode)) {
      return failure(Harm::kBarred, kTopic, "it is a directory", "a directory",
                     {"name the program in it"});
    }
    if (!S_ISREG(status.st_mode) || access(file.c_str(), X_OK) != 0) {
      return failure(
          Harm::kBarred, kTopic, "it may not be executed",
          fmt::format("{} may not be executed (mode {:o})", file, status.st_mode & 07777),
          {"chmod +x " + shell_word(file)});
    }
  }
  return std::nullopt;
}

/// Why our library cannot get in; nothing when it can.
std::optional<Finding> check_kind(const ProgramFacts& program) {
  const ElfFacts& elf = program.elf;
  const std::string& file = program.running;
  if (!elf.is_elf) {
    return failure(Harm::kBarred, kTopic, "neither an ELF file nor a script",
                   fmt::format("{} is neither an ELF file nor a script with #!", file),
                   {"name its interpreter: heaptag doctor -- sh " + shell_word(program.word)});
  }
  if (!elf.is_x86_64) {
    return failure(Harm::kBarred, kTopic, "it is no x86-64 program",
                   fmt::format("{}; libheaptag.so is x86-64, and the loader would run the program "
                               "without it",
                               machine_name(elf)),
                   {"run its x86-64 build"});
  }
  if (elf.loader.empty() && elf.is_go) {
    return failure(
        Harm::kBarred, kTopic, "a static Go program",
        "written in Go and statically linked: nothing can be preloaded, and its memory is "
        "the Go runtime's, which calls no malloc",
        {"Go's own profiler: go tool pprof http://HOST:PORT/debug/pprof/heap"});
  }
  if (elf.loader.empty()) {
    return failure(Harm::kBarred, kTopic, "statically linked",
                   "statically linked: it has no loader, so nothing can be preloaded into it",
                   {"link it without -static"});
  }
  if (elf.loader.find("ld-linux") == std::string::npos) {
    return failure(
        Harm::kBarred, kTopic, "it is not loaded by glibc",
        fmt::format("its loader is {}; libheaptag.so needs glibc's ld-linux-x86-64.so.2",
                    elf.loader),
        {elf.loader.find("musl") != std::string::npos
             ? "run a build for glibc (in a container: a Debian image, not an Alpine one)"
             : "run a build for glibc"});
  }
  if (access((program.root + elf.loader).c_str(), F_OK) != 0) {
    return failure(
        Harm::kBarred, kTopic, "its loader does not exist",
        fmt::format("its loader {} does not exist here: it cannot be executed at all", elf.loader));
  }
  return std::nullopt;
}

/// The newest version that the program's libc has; that of our own without one to look at.
unsigned glibc_minor_here(const ProgramFacts& program) {
  for (const LibraryFacts& library : program.libraries) {
    if (is_library(library.path, "libc") && library.elf.glibc_minor_defined != 0) {
      return library.elf.glibc_minor_defined;
    }
  }
  const std::string version = gnu_get_libc_version();
  return static_cast<unsigned>(std::strtoul(version.c_str() + version.find('.') + 1, nullptr, 10));
}

std::string introduction(const ProgramFacts& program) {
  if (!program.scripts.empty()) {
    return fmt::format("a script; what runs is {}: ", program.running);
  }
  return "";
}

}  // namespace

Finding check_program(const ProgramFacts& program) {
  if (const auto missing = check_that_it_exists(program)) {
    return *missing;
  }
  if (auto wrong = check_kind(program)) {
    wrong->text = introduction(program) + wrong->text;
    return *wrong;
  }
  const unsigned here = glibc_minor_here(program);
  const unsigned needed = program.preload_elf.glibc_minor_needed;
  if (here < needed) {
    return failure(
        Harm::kBarred, kTopic, "its glibc is too old",
        fmt::format("its glibc is 2.{}, libheaptag.so needs 2.{}: the loader would refuse "
                    "to start it",
                    here, needed),
        {"build heaptag on this system, or on an older one"});
  }
  if (!program.loading.missing.empty()) {
    return failure(
        Harm::kBarred, kTopic, "a library of it is missing",
        fmt::format("the loader does not find {}: it cannot start, with or without heaptag",
                    fmt::join(program.loading.missing, ", ")),
        {"install it, or set LD_LIBRARY_PATH"});
  }
  // A version that is missing is said, and the list goes on.
  const std::string& error = program.loading.error;
  if (program.is_asked && !error.empty() &&
      (!program.loading.is_known() ||
       error.find("' not found (required by") != std::string::npos)) {
    return failure(Harm::kBarred, kTopic, "its loader refuses it",
                   "its loader refuses it, with or without heaptag: " + error);
  }
  const std::string text =
      fmt::format("{}x86-64, dynamic, glibc 2.{}{}", introduction(program), here,
                  needed == 0 ? "" : fmt::format(" (libheaptag.so needs 2.{} or later)", needed));
  if (program.elf.is_go) {
    return warning(kTopic,
                   text +
                       "; written in Go: only what its C code allocates passes through "
                       "malloc, Go's own heap does not",
                   {"Go's own profiler: go tool pprof http://HOST:PORT/debug/pprof/heap"});
  }
  return ok(kTopic, text);
}

Finding check_library(const ProgramFacts& program) {
  const std::string& path = program.preload.path;
  struct statvfs system = {};
  if (path.empty()) {
    return failure(
        Harm::kBarred, "library", "there is no libheaptag.so",
        fmt::format("no libheaptag.so; looked for {}", fmt::join(program.preload.looked, ", ")),
        {"build it (cmake --build) or install it"});
  }
  if (!can_be_preloaded(path)) {
    return failure(Harm::kBarred, "library", "LD_PRELOAD cannot name the library",
                   fmt::format("LD_PRELOAD cannot name {}: it has a space or a colon", path),
                   {"install heaptag elsewhere"});
  }
  if (statvfs(path.c_str(), &system) == 0 && (system.f_flag & ST_NOEXEC) != 0) {
    return failure(
        Harm::kBarred, "library", "the library lies on a noexec mount",
        fmt::format("{} lies on a file system that is mounted noexec: it cannot be mapped", path),
        {"install heaptag below /usr"});
  }
  if (program.is_asked && program.loading.is_known() && !program.loading.is_preloadable) {
    return failure(
        Harm::kBarred, "library", "its loader does not take libheaptag.so",
        fmt::format("the loader does not take {}: {}", path,
                    program.loading.error.empty() ? "no reason given" : program.loading.error));
  }
  const bool is_proven = program.is_asked && program.loading.is_preloadable;
  return ok("library", path + (is_proven ? ", and its loader takes it" : ""));
}

Finding check_privilege(const ProgramFacts& program) {
  const FilePrivilege privilege = privilege_of(program.root + program.running);
  const auto name = [](Privilege one) {
    return one == Privilege::kSetuid   ? "setuid"
           : one == Privilege::kSetgid ? "setgid"
                                       : "marked with file capabilities";
  };
  if (privilege.gained != Privilege::kNone) {
    struct stat status = {};
    stat((program.root + program.running).c_str(), &status);
    std::vector<std::string> next;
    if (privilege.gained == Privilege::kSetuid && status.st_uid != 0) {
      next.push_back(
          fmt::format("sudo -u '#{}' heaptag run -- {} ...", status.st_uid, program.word));
    } else {
      next.push_back(fmt::format("sudo heaptag run -- {} ...", program.word));
    }
    next.push_back(fmt::format("a copy without the mark: cp {} /tmp/; heaptag run -- /tmp/{} ...",
                               shell_word(program.running), file_name(program.running)));
    return failure(Harm::kBarred, "privilege", fmt::format("it is {}", name(privilege.gained)),
                   fmt::format("{}: it gets more rights than its user has, and the loader ignores "
                               "LD_PRELOAD for it",
                               name(privilege.gained)),
                   next);
  }
  if (privilege.marked != Privilege::kNone) {
    return ok("privilege",
              fmt::format("{}, which gives nothing to {}: LD_PRELOAD will be honoured "
                          "(and ignored for other users)",
                          name(privilege.marked), geteuid() == 0 ? "root" : "its owner"));
  }
  return ok("privilege", "not setuid, no file capabilities: LD_PRELOAD will be honoured");
}

}  // namespace heaptag::tools
