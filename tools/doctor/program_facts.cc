#include "tools/doctor/program_facts.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <string_view>
#include <system_error>

#include "tools/live/proc_files.h"
#include "tools/program/executable.h"

namespace heaptag::tools {
namespace {

std::string real_path(const std::string& path) {
  std::error_code error;
  const std::filesystem::path real = std::filesystem::canonical(path, error);
  return error ? path : real.string();
}

void read_own_library(ProgramFacts& program) {
  program.preload = find_preload_library();
  program.preload_elf = read_elf_facts(program.preload.path);
}

/// "prog" of "ld.so --library-path DIR prog"; "" when there is none, or the loader only lists.
std::string program_of_loader(const std::vector<std::string>& words) {
  const std::set<std::string> with_value = {
      "--library-path",         "--inhibit-rpath",    "--audit", "--preload", "--argv0",
      "--glibc-hwcaps-prepend", "--glibc-hwcaps-mask"};
  for (size_t i = 1; i < words.size(); ++i) {
    if (with_value.contains(words[i])) {
      ++i;
    } else if (words[i] != "--inhibit-cache") {
      return words[i].starts_with('-') ? "" : words[i];
    }
  }
  return "";
}

bool is_ours(const std::string& path) {
  return file_name(path).starts_with("libheaptag.so");
}

void read_libraries(ProgramFacts& program, const std::vector<std::string>& paths) {
  for (const std::string& path : paths) {
    if (!is_ours(path)) {
      program.libraries.push_back({path, read_elf_facts(program.root + path)});
    }
  }
}

}  // namespace

std::string file_name(const std::string& path) {
  return path.substr(path.find_last_of('/') + 1);
}

std::string without_deleted(std::string path) {
  constexpr std::string_view kDeleted = " (deleted)";
  if (path.ends_with(kDeleted)) {
    path.resize(path.size() - kDeleted.size());
  }
  return path;
}

bool is_cut_off(const ElfFacts& elf) {
  return elf.is_elf && elf.used_bytes > elf.file_bytes;
}

std::string program_name(const ProgramFacts& program) {
  if (!program.run_by.empty()) {
    return file_name(real_path(program.run_by));
  }
  return file_name(
      without_deleted(program.running.empty() ? program.word : real_path(program.running)));
}

bool is_shell_script(const ProgramFacts& program) {
  const std::string name = program_name(program);
  return !program.scripts.empty() &&
         (name == "bash" || name == "dash" || name == "sh" || name == "ksh" || name == "zsh");
}

ProgramFacts facts_of_command(const std::vector<std::string>& words) {
  ProgramFacts program;
  program.word = words[0];
  program.arguments.assign(words.begin() + 1, words.end());
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    program.environment.emplace_back(*entry);
  }
  read_own_library(program);
  program.file = find_executable(words[0]);
  program.running = running_file(program.file, program.scripts);
  program.elf = read_elf_facts(program.running);
  if (program.elf.soname.starts_with("ld-linux") && program.scripts.empty()) {
    if (const std::string named = program_of_loader(words); !named.empty()) {
      program.run_by = program.file;
      program.word = named;
      program.file = named.find('/') == std::string::npos ? "./" + named : named;
      program.running = program.file;
      program.elf = read_elf_facts(program.running);
    }
  }
  if (program.elf.is_x86_64 && !program.elf.loader.empty() && !is_cut_off(program.elf) &&
      kind_of(program.running) == FileKind::kElf) {
    program.is_asked = true;
    program.loading =
        find_needed_libraries(program.elf.loader, real_path(program.running), program.preload.path);
    read_libraries(program, program.loading.paths);
  }
  return program;
}

ProgramFacts facts_of_process(pid_t pid) {
  ProgramFacts program;
  const std::string link = "/proc/" + std::to_string(pid) + "/exe";
  program.root = root_of(pid);
  program.word = program_of(pid);
  std::error_code error;
  program.file = std::filesystem::read_symlink(link, error).string();
  program.running = program.file;
  program.elf = read_elf_facts(link);  // also when the file has been deleted or replaced
  if (program.elf.soname.starts_with("ld-linux")) {
    const std::string named = program_of_loader(read_arguments(pid));
    const std::string file =
        named.starts_with('/') ? program.root + named : fmt::format("/proc/{}/cwd/{}", pid, named);
    if (const ElfFacts elf = read_elf_facts(file); !named.empty() && elf.is_elf) {
      program.run_by = program.file;
      program.elf = elf;
      program.running = named;
    }
  }
  program.environment = read_environment_of(pid);
  read_own_library(program);
  int ignored = 0;
  std::vector<std::string> paths;
  std::set<std::string> seen = {program.file};
  for (const Mapping& mapping : read_mappings(pid, ignored)) {
    if (mapping.path.starts_with('/') && mapping.path.find(".so") != std::string::npos &&
        mapping.path.find("/ld-linux") == std::string::npos && seen.insert(mapping.path).second) {
      paths.push_back(mapping.path);
    }
  }
  read_libraries(program, paths);
  std::erase_if(program.libraries, [](const LibraryFacts& one) { return !one.elf.is_elf; });
  return program;
}

}  // namespace heaptag::tools
