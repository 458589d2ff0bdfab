// The functions of a module, and which of them lies at an address: from the symbols of its file on
// disk, or of its separate debug file. Layer: core/elf.  Allocates: no (maps files).  Locks: none.
//
// The file is untrusted: a broken one gives fewer answers, never a fault. One thing is out of our
// hands: when somebody shortens the file while it is mapped, the kernel raises SIGBUS; package
// managers replace files and do not.
#pragma once

#include <span>

#include "core/base/types.h"
#include "core/elf/elf_file.h"
#include "core/os/file.h"

namespace heaptag::elf {

/// A question and its answer.
struct SymbolQuery {
  uint64_t address = 0;  // in: ELF virtual address
  uint32_t id = 0;       // in: the caller's own; lookup_symbols changes the order of queries

  const char* function = nullptr;  // out: the raw symbol, NUL-terminated; null: not known
  uint64_t function_offset = 0;    // out: of `address` in the function

  // Of use during lookup_symbols only.
  uint64_t nearest_start = 0;
  uint64_t best_size = 0;
  uint32_t best_rank = 0;
};

enum class SymbolsStatus : uint8_t {
  kOpen,
  kNoFile,      // cannot be mapped: gone, no permission, "[vdso]"
  kNotElf,      // or of another word size or byte order
  kOtherBuild,  // the file on disk is not the one that was loaded
  kNoSymbols,   // stripped, and no debug file here
};

/// The symbols of one module. Open while `table` is not empty.
struct Symbols {
  os::MappedFile file;         // the one that has the table
  ElfFile elf;                 // on `file`
  FileRange table;             // of Elf64_Sym
  FileRange strings;           // their names
  bool is_from_debug = false;  // table of a separate debug file
  bool is_dynamic = false;     // .dynsym: what the loader maps, too
};

enum class DebugFile : uint8_t { kLookFor, kLeaveOut };

/// Opens the symbols of a module: its .symtab, or that of its debug file
/// (/usr/lib/debug/.build-id, then .gnu_debuglink, which is believed only when its build-id is the
/// same), or its .dynsym, the first of these that has any. `build_id` (hex digits, null: not known)
/// is that of the module as loaded; a file with another one, or with none, is refused.
/// Owns: the caller owns *symbols when the result is kOpen, until close_symbols. Pre: *symbols is
/// not open. Cost: O(sections), two or three mappings, a stack of 5 KiB.
SymbolsStatus open_symbols(const char* path,
                           const char* build_id,
                           Symbols* symbols,
                           DebugFile debug_file = DebugFile::kLookFor);

/// Opens the symbols of a whole ELF file that lies in memory (the vDSO does), without looking for a
/// debug file. Borrows: the bytes, until close_symbols, which does not unmap them. Pre: *symbols is
/// not open. Returns: kOpen, kNotElf or kNoSymbols.
SymbolsStatus open_symbols_in_memory(const uint8_t* data, size_t size_bytes, Symbols* symbols);

/// Opens the symbols that the loader has mapped with a module: .dynsym, whatever became of the
/// file. Borrows: the bytes, until close_symbols. False when there are none.
bool open_loaded_symbols(uintptr_t address, Symbols* symbols);

/// Answers queries, and leaves them sorted by address. A function covers its size, or, when the
/// symbol has none, what lies up to the next symbol of its section. Of several that cover an
/// address the innermost wins, then global before local before weak before untyped.
/// Lends: the names, until close_symbols. Cost: O((queries + symbols) log queries); bounded for
/// files that are made to be slow, which lose answers.
void lookup_symbols(const Symbols& symbols, std::span<SymbolQuery> queries);

/// Told of functions one by one: the raw symbol, NUL-terminated, and the range of ELF virtual
/// addresses that it covers.
struct FunctionVisitor {
  void (*function)(void* context, const char* symbol, uint64_t start, uint64_t size_bytes);
  void* context;
};

/// Tells of every function of the module that has a name and a size, in no order; aliases and
/// indirect functions are told too. The range does not wrap. Lends: the names, until
/// close_symbols. Cost: O(symbols).
void visit_functions(const Symbols& symbols, const FunctionVisitor& visitor);

/// The same of those that cover `address`: some ten instructions for each of the others.
void visit_functions_at(const Symbols& symbols, uint64_t address, const FunctionVisitor& visitor);

/// Gives the mapping back, and with it all names. Harmless when not open.
void close_symbols(Symbols* symbols);

}  // namespace heaptag::elf
