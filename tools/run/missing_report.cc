#include "tools/run/missing_report.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gelf.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>

namespace heaptag::tools {
namespace {

struct Closer {
  int fd;

  ~Closer() { close(fd); }
};

/// What the loader reads of an ELF file.
struct ElfKind {
  bool is_elf = false;
  bool is_x86_64 = false;
  std::string loader;  // "" in a static program
};

ElfKind read_elf_kind(const std::string& file) {
  ElfKind kind;
  const Closer fd{open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  elf_version(EV_CURRENT);
  Elf* elf = fd.fd < 0 ? nullptr : elf_begin(fd.fd, ELF_C_READ, nullptr);
  GElf_Ehdr header;
  size_t count = 0;
  if (elf != nullptr && gelf_getehdr(elf, &header) != nullptr && elf_getphdrnum(elf, &count) == 0) {
    kind.is_elf = true;
    kind.is_x86_64 = header.e_machine == EM_X86_64 && header.e_ident[EI_CLASS] == ELFCLASS64;
    for (size_t i = 0; i < count; ++i) {
      GElf_Phdr segment;
      if (gelf_getphdr(elf, static_cast<int>(i), &segment) == nullptr ||
          segment.p_type != PT_INTERP || segment.p_filesz > 4096) {
        continue;
      }
      kind.loader.resize(segment.p_filesz);
      if (pread(fd.fd, kind.loader.data(), kind.loader.size(),
                static_cast<off_t>(segment.p_offset)) < 0) {
        kind.loader.clear();
      }
      kind.loader = kind.loader.c_str();  // without its NUL
    }
  }
  elf_end(elf);
  return kind;
}

/// Whether the kernel would set AT_SECURE for us: then the loader ignores LD_PRELOAD.
bool gains_privilege(const std::string& file) {
  struct stat status = {};
  if (stat(file.c_str(), &status) != 0) {
    return false;
  }
  const bool other_user = (status.st_mode & S_ISUID) != 0 && status.st_uid != geteuid();
  const bool other_group = (status.st_mode & S_ISGID) != 0 && status.st_gid != getegid();
  const bool has_capabilities =
      geteuid() != 0 && getxattr(file.c_str(), "security.capability", nullptr, 0) > 0;
  return other_user || other_group || has_capabilities;
}

std::string explain_by_file(const std::string& program) {
  std::string file = find_executable(program);
  for (int depth = 0; depth < 4; ++depth) {
    const std::string interpreter = script_interpreter(file);
    if (interpreter.empty()) {
      break;
    }
    file = interpreter;
  }
  const ElfKind kind = read_elf_kind(file);
  if (!kind.is_elf) {
    return "";
  }
  const std::string what = file == program ? "it" : file;
  if (!kind.is_x86_64) {
    return fmt::format("{} is not an x86-64 program, libheaptag.so is", what);
  }
  if (kind.loader.empty()) {
    return fmt::format("{} is statically linked, so nothing can be preloaded into it", what);
  }
  if (kind.loader.find("ld-linux") == std::string::npos) {
    return fmt::format("{} is loaded by {}, libheaptag.so needs glibc's loader", what, kind.loader);
  }
  if (gains_privilege(file)) {
    return fmt::format(
        "{} is setuid, setgid or has capabilities: the loader ignores LD_PRELOAD for it; run "
        "heaptag as its user",
        what);
  }
  return "";
}

}  // namespace

std::string find_executable(const std::string& program) {
  if (program.find('/') != std::string::npos) {
    return program;
  }
  const char* path = std::getenv("PATH");
  std::istringstream directories(path == nullptr ? "/bin:/usr/bin" : path);
  for (std::string directory; std::getline(directories, directory, ':');) {
    std::string file = (directory.empty() ? "." : directory) + "/" + program;
    if (access(file.c_str(), X_OK) == 0) {
      return file;
    }
  }
  return "";
}

std::string script_interpreter(const std::string& file) {
  std::ifstream script(file, std::ios::binary);
  char line[256] = {};
  script.read(line, sizeof line - 1);
  if (std::strncmp(line, "#!", 2) != 0) {
    return "";
  }
  const char* begin = line + 2 + std::strspn(line + 2, " \t");
  return std::string(begin, std::strcspn(begin, " \t\r\n"));
}

std::string explain_missing_report(const std::string& program, const Outcome& outcome) {
  if (std::string reason = explain_by_file(program); !reason.empty()) {
    return reason;
  }
  if (outcome.killed_by_signal != 0) {
    const char* name = sigabbrev_np(outcome.killed_by_signal);
    return fmt::format("it was killed by {}{} after {:.1f} s, and reports are written at exit",
                       name == nullptr ? "signal " : "SIG",
                       name == nullptr ? std::to_string(outcome.killed_by_signal) : name,
                       outcome.seconds);
  }
  return "it may have executed a static or setuid program, left by a raw exit system call, cleaned "
         "its environment, or changed its user or root directory";
}

}  // namespace heaptag::tools
