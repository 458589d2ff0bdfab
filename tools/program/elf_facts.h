// What the loader, and whoever asks about a program, can know of an ELF file before it runs.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

namespace heaptag::tools {

struct ElfFacts {
  bool is_elf = false;  // it begins like one
  bool is_64_bit = false;
  bool is_x86_64 = false;
  uint16_t machine = 0;              // EM_*
  uint16_t type = 0;                 // ET_*
  uint64_t file_bytes = 0;           //
  uint64_t used_bytes = 0;           // as far as its header and segments reach; 64-bit files only
  bool is_library = false;           // shared, and not to be executed
  bool has_sanitizer = false;        // functions of one, exported or not
  std::string soname;                // DT_SONAME: of libraries, and of the loader
  bool is_go = false;                // made by the Go toolchain
  bool has_symbols = false;          // .symtab: names of functions that are not exported, too
  bool has_debug_lines = false;      // .debug_line or its compressed form
  std::string loader;                // PT_INTERP; "" in a static program, and in most libraries
  std::string build_id;              // hex digits, "" without one
  std::vector<std::string> needed;   // DT_NEEDED: libraries, in order
  std::set<std::string> exports;     // names defined in .dynsym: others may be bound to them
  std::set<std::string> foreign;     // undefined in it, of the same kind: calls of mallocx
  std::set<std::string> allocators;  // of defined functions, those that allocators have: je_malloc
  unsigned glibc_minor_needed = 0;   // GLIBC_2.34 is 34; 0 when no version is asked for
  unsigned glibc_minor_defined = 0;  // the newest that it has: libc.so.6
};

/// Reads a file. One that cannot be read, or is none, has is_elf false. Never waits for a pipe.
ElfFacts read_elf_facts(const std::string& path);

}  // namespace heaptag::tools
