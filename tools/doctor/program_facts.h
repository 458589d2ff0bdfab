// Everything that the checks of a program look at, gathered once.
#pragma once

#include <string>
#include <vector>

#include "tools/program/elf_facts.h"
#include "tools/program/needed_libraries.h"
#include "tools/run/preload_library.h"

namespace heaptag::tools {

struct LibraryFacts {
  std::string path;
  ElfFacts elf;
};

struct ProgramFacts {
  std::string word;                      // as the user typed it
  std::vector<std::string> arguments;    // behind it
  std::string root;                      // where its paths begin: /proc/PID/root; "" is ours
  std::string file;                      // what the word stands for; "" when it was not found
  std::string running;                   // the ELF file that runs: of a script, its interpreter
  std::vector<std::string> scripts;      // on the way there
  std::string run_by;                    // the loader that was named as the program, or ""
  ElfFacts elf;                          // of `running`
  bool is_asked = false;                 // the loader listed its libraries
  NeededLibraries loading;               // what it said
  std::vector<LibraryFacts> libraries;   // needed ones, without libheaptag.so
  PreloadLibrary preload;                // ours
  ElfFacts preload_elf;                  //
  std::vector<std::string> environment;  // that it would run in: NAME=VALUE
};

/// Of a program that is to be run from here, found as a shell finds it. `words`: with arguments; of
/// a loader, the program that it is to run.
ProgramFacts facts_of_command(const std::vector<std::string>& words);

/// Of the executable of a process; its libraries are those that it has mapped.
ProgramFacts facts_of_process(pid_t pid);

/// A path of /proc without what the kernel adds when the file is gone.
std::string without_deleted(std::string path);

/// Whether the file ends before what its header promises.
bool is_cut_off(const ElfFacts& elf);

/// The name that HEAPTAG_PROGRAMS and reports know it by: of a script, the interpreter's.
std::string program_name(const ProgramFacts& program);

/// A script of a shell: what it starts is what people want to know of.
bool is_shell_script(const ProgramFacts& program);

/// "libz.so.1" of a path.
std::string file_name(const std::string& path);

}  // namespace heaptag::tools
