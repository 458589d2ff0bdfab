#include "tools/model/debug_module.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include "tools/model/source_path.h"

namespace heaptag::tools {
namespace {

const Dwfl_Callbacks kCallbacks = {
    .find_elf = dwfl_build_id_find_elf,
    .find_debuginfo = dwfl_standard_find_debuginfo,  // by build-id, then by .gnu_debuglink
    .section_address = dwfl_offline_section_address,
    .debuginfo_path = nullptr,
};

std::string text_attribute(Dwarf_Die& die, unsigned name) {
  Dwarf_Attribute attribute;
  const char* text = nullptr;
  if (dwarf_attr_integrate(&die, name, &attribute) != nullptr) {
    text = dwarf_formstring(&attribute);
  }
  return text == nullptr ? "" : text;
}

uint32_t number_attribute(Dwarf_Die& die, unsigned name) {
  Dwarf_Attribute attribute;
  Dwarf_Word value = 0;
  if (dwarf_attr(&die, name, &attribute) == nullptr || dwarf_formudata(&attribute, &value) != 0) {
    return 0;
  }
  return static_cast<uint32_t>(value);
}

/// A compilation directory that is relative itself comes from a package whose paths were mapped to
/// its root, those of files as well.
std::string absolute(const std::string& file, const std::string& directory) {
  return file.starts_with('/') || !directory.starts_with('/') ? file : directory + "/" + file;
}

/// Appends the functions that are inlined at `address` inside `parent`, outermost first.
void add_inlined(Dwarf_Die parent, Dwarf_Addr address, std::vector<Dwarf_Die>& functions) {
  Dwarf_Die child;
  if (dwarf_child(&parent, &child) != 0) {
    return;
  }
  do {
    const int tag = dwarf_tag(&child);
    const bool is_inlined = tag == DW_TAG_inlined_subroutine;
    const bool is_block =
        tag == DW_TAG_lexical_block || tag == DW_TAG_try_block || tag == DW_TAG_catch_block;
    if ((is_inlined || is_block) && dwarf_haspc(&child, address) > 0) {
      if (is_inlined) {
        functions.push_back(child);
      }
      add_inlined(child, address, functions);
      return;
    }
  } while (dwarf_siblingof(&child, &child) == 0);
}

bool is_regular_file(const std::string& path) {
  struct stat status = {};
  return stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode);
}

/// The entry with the last key that is not above `address`, if `address` is below its end.
template <typename Map, typename End>
auto find_range(Map& ranges, Dwarf_Addr address, End end_of) {
  auto found = ranges.upper_bound(address);
  if (found == ranges.begin() || address >= end_of(std::prev(found)->second)) {
    return ranges.end();
  }
  return std::prev(found);
}

}  // namespace

DebugModule::DebugModule(const std::string& path, const std::string& build_id) {
  if (!is_regular_file(path)) {  // a pipe would make us wait, "[vdso]" is no file at all
    return;
  }
  session_ = dwfl_begin(&kCallbacks);
  if (session_ == nullptr) {
    return;
  }
  dwfl_report_begin(session_);
  module_ = dwfl_report_offline(session_, path.c_str(), path.c_str(), -1);
  dwfl_report_end(session_, nullptr, nullptr);
  if (module_ != nullptr &&
      (dwfl_module_getelf(module_, &bias_) == nullptr || !has_build_id(build_id))) {
    module_ = nullptr;
  }
}

DebugModule::~DebugModule() {
  if (session_ != nullptr) {
    dwfl_end(session_);
  }
}

bool DebugModule::has_build_id(const std::string& wanted) const {
  if (wanted.empty()) {
    return true;
  }
  const unsigned char* bits = nullptr;
  GElf_Addr address = 0;
  const int length = dwfl_module_build_id(module_, &bits, &address);
  std::string hex;
  for (int i = 0; i < length; ++i) {
    hex += fmt::format("{:02x}", bits[i]);
  }
  return hex == wanted;
}

bool DebugModule::has_lines() {
  Dwarf_Addr bias = 0;
  return module_ != nullptr && dwfl_module_getdwarf(module_, &bias) != nullptr;
}

ElfSymbol DebugModule::symbol(uint64_t offset) {
  ElfSymbol found;
  if (module_ == nullptr) {
    return found;
  }
  GElf_Sym symbol;
  GElf_Off in_symbol = 0;
  const char* name =
      dwfl_module_addrinfo(module_, bias_ + offset, &in_symbol, &symbol, nullptr, nullptr, nullptr);
  if (name != nullptr) {
    found.name = name;
    found.offset = in_symbol;
  }
  return found;
}

std::vector<SourcePosition> DebugModule::positions(uint64_t offset) {
  std::vector<SourcePosition> positions;
  if (module_ == nullptr) {
    return positions;
  }
  Dwarf_Addr bias = 0;
  Unit* unit = unit_at(bias_ + offset, bias);
  if (unit == nullptr) {
    return positions;
  }
  const Dwarf_Addr address = bias_ + offset - bias;
  std::vector<Dwarf_Die> functions;
  const auto function =
      find_range(unit->functions, address, [](const auto& value) { return value.first; });
  if (function != unit->functions.end()) {
    functions.push_back(function->second.second);
    add_inlined(functions.front(), address, functions);
  }
  for (auto die = functions.rbegin(); die != functions.rend(); ++die) {
    SourcePosition position;
    position.linkage_name = text_attribute(*die, DW_AT_linkage_name);
    position.plain_name = text_attribute(*die, DW_AT_name);
    position.inlined = std::next(die) != functions.rend();
    positions.push_back(position);
  }
  if (positions.empty()) {
    positions.emplace_back();  // assembly: lines, but no functions
  }
  add_lines(*unit, address, functions, positions);
  return positions;
}

/// The innermost function is at the line of the address; each outer one at the call of the next.
void DebugModule::add_lines(Unit& unit,
                            Dwarf_Addr address,
                            const std::vector<Dwarf_Die>& functions,
                            std::vector<SourcePosition>& positions) {
  if (Dwarf_Line* line = dwarf_getsrc_die(&unit.lines, address); line != nullptr) {
    const char* file = dwarf_linesrc(line, nullptr, nullptr);
    int number = 0;
    if (file != nullptr && dwarf_lineno(line, &number) == 0 && number > 0) {
      positions[0].file = shorten_source_path(absolute(file, unit.directory), unit.directory);
      positions[0].line = static_cast<uint32_t>(number);
    }
  }
  Dwarf_Files* files = nullptr;
  size_t file_count = 0;
  if (functions.size() < 2 || dwarf_getsrcfiles(&unit.tree, &files, &file_count) != 0) {
    return;
  }
  for (size_t i = 1; i < positions.size(); ++i) {
    Dwarf_Die callee = functions[functions.size() - i];
    const uint32_t index = number_attribute(callee, DW_AT_call_file);
    const char* file = index < file_count ? dwarf_filesrc(files, index, nullptr, nullptr) : nullptr;
    if (file != nullptr) {
      positions[i].file = shorten_source_path(absolute(file, unit.directory), unit.directory);
      positions[i].line = number_attribute(callee, DW_AT_call_line);
    }
  }
}

DebugModule::Unit* DebugModule::unit_at(Dwarf_Addr address, Dwarf_Addr& bias) {
  Dwarf_Die die;
  if (!find_unit(address, die, bias)) {
    return nullptr;
  }
  const auto [entry, is_new] = units_.try_emplace(dwarf_dieoffset(&die));
  Unit& unit = entry->second;
  if (is_new) {
    unit.lines = die;
    unit.tree = die;
    unit.directory = text_attribute(die, DW_AT_comp_dir);
    uint8_t type = 0;
    Dwarf_Die split;
    if (dwarf_cu_info(die.cu, nullptr, &type, nullptr, &split, nullptr, nullptr, nullptr) == 0 &&
        type == DW_UT_skeleton && dwarf_tag(&split) == DW_TAG_compile_unit) {
      unit.tree = split;
    }
    index_functions(unit, unit.tree);
  }
  return &unit;
}

bool DebugModule::find_unit(Dwarf_Addr address, Dwarf_Die& die, Dwarf_Addr& bias) {
  if (const Dwarf_Die* found = dwfl_module_addrdie(module_, address, &bias); found != nullptr) {
    die = *found;
    return true;
  }
  // clang writes no .debug_aranges, and that is all that libdw looks at.
  if (!units_indexed_) {
    index_units();
    units_indexed_ = true;
  }
  const auto range = find_range(unit_ranges_, address, [](const auto& value) { return value.end; });
  if (range == unit_ranges_.end()) {
    return false;
  }
  Dwarf* dwarf = dwfl_module_getdwarf(module_, &bias);
  return dwarf != nullptr && dwarf_offdie(dwarf, range->second.unit, &die) != nullptr;
}

void DebugModule::index_units() {
  Dwarf_Addr bias = 0;
  for (Dwarf_Die* unit = dwfl_module_nextcu(module_, nullptr, &bias); unit != nullptr;
       unit = dwfl_module_nextcu(module_, unit, &bias)) {
    Dwarf_Addr base = 0;
    Dwarf_Addr begin = 0;
    Dwarf_Addr end = 0;
    for (ptrdiff_t at = 0; (at = dwarf_ranges(unit, at, &base, &begin, &end)) > 0;) {
      if (begin != 0) {  // what the linker dropped starts at 0
        unit_ranges_[begin + bias] = {end + bias, dwarf_dieoffset(unit), bias};
      }
    }
  }
}

/// Functions may stand in namespaces and classes; never in another function, for our purpose.
void DebugModule::index_functions(Unit& unit, Dwarf_Die parent) {
  Dwarf_Die child;
  if (dwarf_child(&parent, &child) != 0) {
    return;
  }
  do {
    switch (dwarf_tag(&child)) {
      case DW_TAG_subprogram: {
        Dwarf_Addr base = 0;
        Dwarf_Addr begin = 0;
        Dwarf_Addr end = 0;
        for (ptrdiff_t at = 0; (at = dwarf_ranges(&child, at, &base, &begin, &end)) > 0;) {
          unit.functions[begin] = {end, child};
        }
        break;
      }
      case DW_TAG_namespace:
      case DW_TAG_module:
      case DW_TAG_class_type:
      case DW_TAG_structure_type:
      case DW_TAG_union_type:
        index_functions(unit, child);
        break;
      default:
        break;
    }
  } while (dwarf_siblingof(&child, &child) == 0);
}

}  // namespace heaptag::tools
