#include <elf.h>
#include <fmt/format.h>
#include <gnu/libc-version.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "core/base/format.h"
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

const char* type_name(mode_t mode) {
  return S_ISCHR(mode)    ? "character device"
         : S_ISBLK(mode)  ? "block device"
         : S_ISFIFO(mode) ? "FIFO"
                          : "socket";
}

/// What is no program, whatever its permissions are; nothing of programs.
std::optional<Finding> check_file_type(const ElfFacts& elf) {
  const auto none = [](const char* verdict, std::vector<std::string> next = {}) {
    return failure(Harm::kBarred, kTopic, fmt::format("it is {}", verdict),
                   fmt::format("{}, not a program", verdict), std::move(next));
  };
  if (is_cut_off(elf)) {
    return failure(
        Harm::kBarred, kTopic, "the file is cut off",
        fmt::format("the file is cut off: its segments end at byte {}, the file at {}",
                    format_grouped(elf.used_bytes).view(), format_grouped(elf.file_bytes).view()),
        {"install or copy it again"});
  }
  if (elf.type == ET_REL) {
    return none("an object file", {"link it"});
  }
  if (elf.type == ET_CORE) {
    return none("a core file");
  }
  if (elf.soname.starts_with("ld-linux")) {
    return failure(Harm::kBarred, kTopic, "no program behind the loader",
                   "the loader itself, and no program behind it that it is to run",
                   {"name the program"});
  }
  if (elf.is_library) {
    return none("a shared library", {"name a program that uses it"});
  }
  return std::nullopt;
}

/// Of a file that the kernel would not execute for us.
Finding refusal(const std::string& file, const struct stat& status) {
  const char* verdict = "it may not be executed";
  std::string text =
      fmt::format("{} may not be executed (mode {:o})", file, status.st_mode & 07777);
  struct statvfs system = {};
  if (statvfs(file.c_str(), &system) == 0 && (system.f_flag & ST_NOEXEC) != 0) {
    return failure(Harm::kBarred, kTopic, verdict,
                   file + " lies on a file system that is mounted noexec", {"copy it elsewhere"});
  }
  switch (kind_of(file)) {
    case FileKind::kText:
    case FileKind::kData:
      return failure(Harm::kBarred, kTopic, "it is not a program",
                     fmt::format("{}: a file of {}, not a program", file,
                                 kind_of(file) == FileKind::kText ? "text" : "data"));
    case FileKind::kElf:
    case FileKind::kScript:
      return failure(
          Harm::kBarred, kTopic, verdict, std::move(text),
          {(geteuid() == 0 || geteuid() == status.st_uid ? "chmod +x " : "sudo chmod +x ") +
           shell_word(file)});
    case FileKind::kUnreadable:
      break;
  }
  return failure(Harm::kBarred, kTopic, verdict, std::move(text));
}

/// A file of the way to the interpreter that is not there.
Finding not_there(const ProgramFacts& program, const std::string& file, int error) {
  if (file == program.file) {
    const std::string text = fmt::format("{}: {}", program.word, std::strerror(error));
    return failure(Harm::kBarred, kTopic, text, text);
  }
  const std::string& script = program.scripts.back();
  const std::vector<std::string> words = script_words(script);
  const std::string named = file.empty() ? program_of_env(words) : file;
  if (named.ends_with('\r')) {
    const std::string shown = without_carriage_return(named) + "\\r";
    return failure(Harm::kBarred, kTopic, "its first line ends in a carriage return",
                   fmt::format("its first line ends in a carriage return (CR LF): looked for is "
                               "'{}'",
                               shown),
                   {"sed -i 's/\\r$//' " + shell_word(script)});
  }
  const std::string text =
      file.empty()
          ? fmt::format("{}, which {} is to run for {}, is not in PATH", named, words[0], script)
          : fmt::format("{}, the interpreter of {}: {}", file, script, std::strerror(error));
  return failure(Harm::kBarred, kTopic, text, text);
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
      return not_there(program, file, file.empty() ? ENOENT : errno);
    }
    if (S_ISDIR(status.st_mode)) {
      return failure(Harm::kBarred, kTopic, "it is a directory", "a directory",
                     {"name the program in it"});
    }
    if (!S_ISREG(status.st_mode)) {
      const std::string what = std::string("a ") + type_name(status.st_mode);
      return failure(Harm::kBarred, kTopic, "it is " + what, what + ", not a program");
    }
    if (access(file.c_str(), X_OK) != 0 && program.run_by.empty()) {
      const ElfFacts elf = read_elf_facts(file);
      const auto other = check_file_type(elf);
      return other ? *other : refusal(file, status);
    }
    if (access(file.c_str(), R_OK) != 0) {
      const bool is_script = file != program.running;
      return failure(
          Harm::kUnseen, kTopic, "it may not be read",
          fmt::format("{} may be executed but not read by uid {}: what it is cannot be seen; {}",
                      file, geteuid(),
                      is_script ? "its interpreter cannot read it either"
                                : "an ELF file can run, a script cannot"),
          {fmt::format("sudo heaptag doctor -- {}", shell_word(word))});
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
                   fmt::format("{} is neither an ELF file nor a script", file));
  }
  if (auto other = check_file_type(elf)) {
    return other;
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
  if (!program.run_by.empty()) {
    return fmt::format("the loader itself; what runs is {}: ", program.running);
  }
  if (program.scripts.empty()) {
    return "";
  }
  const bool has_none = kind_of(program.scripts.back()) == FileKind::kText;
  return fmt::format("{}; what runs is {}: ", has_none ? "a script without #!" : "a script",
                     program.running);
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
  if (program.loading.killed_by_signal != 0) {
    const char* name = sigabbrev_np(program.loading.killed_by_signal);
    return failure(Harm::kBarred, kTopic, "its loader is killed",
                   fmt::format("its loader was killed by SIG{} while it looked at it: it cannot "
                               "start, with or without heaptag",
                               name == nullptr ? "NAL" : name));
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
  if (program.file.ends_with(" (deleted)")) {
    return warning(kTopic, text + "; its file was removed or replaced since");
  }
  if (program.elf.is_go) {
    return warning(kTopic,
                   text +
                       "; written in Go: only what its C code allocates passes through "
                       "malloc, Go's own heap does not",
                   {"Go's own profiler: go tool pprof http://HOST:PORT/debug/pprof/heap"});
  }
  if (is_shell_script(program)) {
    return warning(kTopic, text + "; the programs that it starts are not looked at",
                   {fmt::format("heaptag doctor -- PROG of each, such as the one behind \"exec\" "
                                "in {}",
                                shell_word(program.scripts[0]))});
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
  if (!program.run_by.empty()) {
    return ok("privilege", "none is gained behind the loader: LD_PRELOAD will be honoured");
  }
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
    std::string arguments;
    for (const std::string& argument : program.arguments) {
      arguments += " " + shell_word(argument);
    }
    const std::string user = privilege.gained == Privilege::kSetuid && status.st_uid != 0
                                 ? fmt::format("-u '#{}' ", status.st_uid)
                                 : "";
    next.push_back(
        fmt::format("sudo {}heaptag run -- {}{}", user, shell_word(program.word), arguments));
    const std::string copy = shell_word("/tmp/" + file_name(program.running));
    next.push_back(fmt::format(
        "a copy without the mark, and without its rights: cp {} {}; heaptag "
        "run -- {}{}",
        shell_word(program.running), copy, copy, program.scripts.empty() ? arguments : " ..."));
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
