// One ELF file with its debug information, opened by libdw.
#pragma once

#include <elfutils/libdwfl.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace heaptag::tools {

/// A function on the way from the innermost inlined one to the one that the linker knows.
struct SourcePosition {
  std::string linkage_name;  // raw; "" when the debug information has none
  std::string plain_name;    // without its scopes
  std::string file;          // relative to the compilation directory
  uint32_t line = 0;
  bool inlined = false;
};

/// The symbol that an address lies in.
struct ElfSymbol {
  std::string name;     // raw; "" when there is none
  uint64_t offset = 0;  // of the address in it
};

class DebugModule {
 public:
  /// Opens the file if it is readable and has this build-id ("" matches any).
  DebugModule(const std::string& path, const std::string& build_id);
  ~DebugModule();
  DebugModule(const DebugModule&) = delete;
  DebugModule& operator=(const DebugModule&) = delete;

  /// Whether the file, or a debug file for it that is installed, has file names and lines.
  bool has_lines();

  /// `offset` is an ELF virtual address of this file. Empty without debug information there.
  std::vector<SourcePosition> positions(uint64_t offset);

  ElfSymbol symbol(uint64_t offset);

 private:
  /// The functions of one compilation unit by address: a unit is walked once, not once per address.
  struct Unit {
    Dwarf_Die lines;  // has the line table
    Dwarf_Die tree;   // has the functions; another one with split debug information
    std::string directory;
    std::map<Dwarf_Addr, std::pair<Dwarf_Addr, Dwarf_Die>> functions;  // begin → end, entry
  };

  struct UnitRange {
    Dwarf_Addr end;
    Dwarf_Off unit;
    Dwarf_Addr bias;
  };

  bool has_build_id(const std::string& wanted) const;
  Unit* unit_at(Dwarf_Addr address, Dwarf_Addr& bias);
  bool find_unit(Dwarf_Addr address, Dwarf_Die& die, Dwarf_Addr& bias);
  void index_units();
  static void index_functions(Unit& unit, Dwarf_Die parent);
  static void add_lines(Unit& unit,
                        Dwarf_Addr address,
                        const std::vector<Dwarf_Die>& functions,
                        std::vector<SourcePosition>& positions);

  Dwfl* session_ = nullptr;
  Dwfl_Module* module_ = nullptr;  // null: not usable
  Dwarf_Addr bias_ = 0;            // address in the session = bias + ELF virtual address
  std::map<Dwarf_Off, Unit> units_;
  std::map<Dwarf_Addr, UnitRange> unit_ranges_;  // of files without .debug_aranges
  bool units_indexed_ = false;
};

}  // namespace heaptag::tools
