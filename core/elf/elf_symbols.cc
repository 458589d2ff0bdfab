#include "core/elf/elf_symbols.h"

#include "core/base/format.h"
#include "core/base/sort.h"
#include "core/os/loader.h"

namespace heaptag::elf {
namespace {

constexpr size_t kPathBytes = 4096;  // PATH_MAX
constexpr char kDebugFolder[] = "/usr/lib/debug";

// The visits of symbols to the queries that they cover. Real files need about one per query; this
// bounds a file in which every symbol claims to cover everything to a fraction of a second.
constexpr uint64_t kVisitBudget = uint64_t{1} << 24;

bool equals_hex(FileRange id, const char* hex) {
  if (std::strlen(hex) != id.size_bytes * 2) {
    return false;
  }
  for (size_t i = 0; i < id.size_bytes * 2; ++i) {
    const unsigned digit = id.data[i / 2] >> (i % 2 == 0 ? 4 : 0) & 15u;
    const char c = hex[i];
    if (c != "0123456789abcdef"[digit] && c != "0123456789ABCDEF"[digit]) {
      return false;
    }
  }
  return true;
}

/// Takes the first table of a type that has a symbol beside the empty one.
bool find_table(uint32_t type, Symbols* symbols) {
  const ElfFile& elf = symbols->elf;
  for (uint64_t i = 0; i < elf.section_count(); ++i) {
    const Elf64_Shdr section = elf.section(i);
    if (section.sh_type != type || section.sh_entsize != sizeof(Elf64_Sym)) {
      continue;
    }
    const FileRange table = elf.contents(section);
    const FileRange strings = elf.contents(elf.section(section.sh_link));
    // When the last byte is a NUL, every offset inside is the start of a terminated string.
    const bool is_terminated = !strings.is_empty() && strings.data[strings.size_bytes - 1] == '\0';
    if (table.size_bytes >= 2 * sizeof(Elf64_Sym) && is_terminated) {
      symbols->table = table;
      symbols->strings = strings;
      symbols->is_dynamic = type == SHT_DYNSYM;
      return true;
    }
  }
  return false;
}

bool open_debug_file(const char* path, FileRange build_id, Symbols* debug) {
  debug->file = os::map_file(path);
  debug->elf = ElfFile(debug->file.data, debug->file.size_bytes);
  const FileRange found = debug->elf.build_id();
  const bool is_same = found.size_bytes == build_id.size_bytes && !found.is_empty() &&
                       std::memcmp(found.data, build_id.data, build_id.size_bytes) == 0;
  if (is_same && find_table(SHT_SYMTAB, debug)) {
    debug->is_from_debug = true;
    return true;
  }
  close_symbols(debug);
  return false;
}

bool open_by_build_id(FileRange build_id, Symbols* debug) {
  char buffer[kPathBytes];
  BufferSink path(buffer, sizeof buffer);
  const Sink out = path.sink();
  out.put(kDebugFolder);
  out.put("/.build-id/");
  for (size_t i = 0; i < build_id.size_bytes; ++i) {
    out.put_char("0123456789abcdef"[build_id.data[i] >> 4]);
    out.put_char("0123456789abcdef"[build_id.data[i] & 15]);
    out.put(i == 0 ? "/" : "");
  }
  out.put(".debug");
  return !path.truncated() && open_debug_file(buffer, build_id, debug);
}

std::string_view debug_link(const ElfFile& elf) {
  for (uint64_t i = 0; i < elf.section_count(); ++i) {
    const Elf64_Shdr section = elf.section(i);
    if (elf.has_name(section, ".gnu_debuglink")) {
      return string_at(elf.contents(section), 0);
    }
  }
  return {};
}

/// Looks where gdb looks: beside the module, in .debug there, and below the debug folder.
/// Source: GDB manual, "Debugging information in separate files"; we ask for the build-id instead
/// of a checksum over the whole file, which would have to be read for it.
bool open_by_link(const char* module_path, const Symbols& module, Symbols* debug) {
  const std::string_view link = debug_link(module.elf);
  const char* slash = std::strrchr(module_path, '/');
  if (link.empty() || link.find('/') != std::string_view::npos || slash == nullptr) {
    return false;
  }
  const std::string_view folder(module_path, static_cast<size_t>(slash - module_path) + 1);
  const std::string_view parts[][2] = {{"", ""}, {"", ".debug/"}, {kDebugFolder, ""}};
  for (const auto& [prefix, sub_folder] : parts) {
    char buffer[kPathBytes];
    BufferSink path(buffer, sizeof buffer);
    const Sink out = path.sink();
    out.put(prefix);
    out.put(folder);
    out.put(sub_folder);
    out.put(link);
    if (!path.truncated() && open_debug_file(buffer, module.elf.build_id(), debug)) {
      return true;
    }
  }
  return false;
}

/// What of a symbol matters: a function with a name, or not at all.
struct Function {
  uint64_t start = 0;
  uint64_t size_bytes = 0;
  uint64_t limit = 0;  // where it ends at the latest when it has no size
  uint32_t rank = 0;   // 0: no function
  const char* name = nullptr;
};

uint32_t rank_of(const Elf64_Sym& symbol) {
  const unsigned type = ELF64_ST_TYPE(symbol.st_info);
  const unsigned binding = ELF64_ST_BIND(symbol.st_info);
  if (type == STT_NOTYPE) {
    // Functions in assembler often have no type; local ones are mere labels.
    return binding == STB_GLOBAL || binding == STB_WEAK ? 1 : 0;
  }
  if (type != STT_FUNC && type != STT_GNU_IFUNC) {
    return 0;
  }
  switch (binding) {
    case STB_GLOBAL:
    case STB_GNU_UNIQUE:
      return 4;
    case STB_LOCAL:
      return 3;
    default:
      return 2;
  }
}

/// Reads the functions of a symbol table one by one.
class FunctionReader {
 public:
  explicit FunctionReader(const Symbols& symbols) : symbols_(symbols) {}

  size_t count() const { return symbols_.table.size_bytes / sizeof(Elf64_Sym); }

  Function read(size_t index) {
    const Elf64_Sym symbol = read_at<Elf64_Sym>(symbols_.table, index * sizeof(Elf64_Sym));
    Function function;
    const uint32_t rank = rank_of(symbol);
    if (rank == 0 || symbol.st_shndx == SHN_UNDEF ||
        symbol.st_name >= symbols_.strings.size_bytes) {
      return function;
    }
    function.name = reinterpret_cast<const char*>(symbols_.strings.data + symbol.st_name);
    if (function.name[0] == '\0') {
      return function;
    }
    function.start = symbol.st_value;
    function.size_bytes = symbol.st_size;
    if (rank == 1 || symbol.st_size == 0) {
      remember_section(symbol.st_shndx);
      const bool is_inside = symbol.st_value >= section_begin_ && symbol.st_value < section_end_;
      if (!is_inside || !section_is_code_) {
        return function;
      }
      function.limit = section_end_;
    }
    function.rank = rank;
    return function;
  }

 private:
  /// Neighbours in the table mostly share their section.
  void remember_section(uint16_t index) {
    if (index == section_index_) {
      return;
    }
    section_index_ = index;
    const Elf64_Shdr header = index < SHN_LORESERVE ? symbols_.elf.section(index) : Elf64_Shdr{};
    section_begin_ = header.sh_addr;
    section_end_ = header.sh_addr + header.sh_size;
    section_is_code_ = header.sh_type != SHT_NULL && (header.sh_flags & SHF_EXECINSTR) != 0 &&
                       section_end_ >= section_begin_;
  }

  const Symbols& symbols_;
  uint16_t section_index_ = SHN_UNDEF;
  uint64_t section_begin_ = 0;
  uint64_t section_end_ = 0;
  bool section_is_code_ = false;
};

/// The index of the first query at or behind an address.
size_t lower_bound(std::span<const SymbolQuery> queries, uint64_t address) {
  size_t begin = 0;
  size_t length = queries.size();
  while (length > 0) {
    const size_t half = length / 2;
    if (queries[begin + half].address < address) {
      begin += half + 1;
      length -= half + 1;
    } else {
      length = half;
    }
  }
  return begin;
}

uint64_t start_of_best(const SymbolQuery& query) {
  return query.address - query.function_offset;
}

bool is_better(const Function& function, const SymbolQuery& query) {
  if (query.function == nullptr) {
    return true;
  }
  if (function.start != start_of_best(query)) {
    return function.start > start_of_best(query);
  }
  if (function.rank != query.best_rank) {
    return function.rank > query.best_rank;
  }
  return function.size_bytes < query.best_size;
}

void answer(const Function& function, SymbolQuery* query) {
  query->function = function.name;
  query->function_offset = query->address - function.start;
  query->best_rank = function.rank;
  query->best_size = function.size_bytes;
}

/// First pass: functions that have a size. Also notes at every query that is the first behind some
/// function where the nearest such function starts.
void look_at_sized(const Symbols& symbols, std::span<SymbolQuery> queries) {
  FunctionReader functions(symbols);
  uint64_t budget = kVisitBudget;
  for (size_t i = 0; i < functions.count(); ++i) {
    const Function function = functions.read(i);
    if (function.rank == 0 || function.start > queries.back().address) {
      continue;
    }
    size_t at = lower_bound(queries, function.start);
    uint64_t& nearest = queries[at].nearest_start;
    nearest = nearest < function.start ? function.start : nearest;
    for (; at < queries.size() && queries[at].address - function.start < function.size_bytes;
         ++at) {
      if (budget-- == 0) {
        return;
      }
      if (is_better(function, queries[at])) {
        answer(function, &queries[at]);
      }
    }
  }
}

/// Second pass: functions without a size, for what is still open. Each covers the queries from its
/// start on for which no other function starts nearer.
void look_at_unsized(const Symbols& symbols, std::span<SymbolQuery> queries) {
  for (size_t i = 1; i < queries.size(); ++i) {
    const uint64_t before = queries[i - 1].nearest_start;
    uint64_t& nearest = queries[i].nearest_start;
    nearest = nearest < before ? before : nearest;
  }
  FunctionReader functions(symbols);
  uint64_t budget = kVisitBudget;
  for (size_t i = 0; i < functions.count(); ++i) {
    const Function function = functions.read(i);
    if (function.rank == 0 || function.size_bytes != 0) {
      continue;
    }
    for (size_t at = lower_bound(queries, function.start);
         at < queries.size() && queries[at].nearest_start == function.start &&
         queries[at].address < function.limit;
         ++at) {
      if (budget-- == 0) {
        return;
      }
      const bool is_open = queries[at].function == nullptr || queries[at].best_size == 0;
      if (is_open && is_better(function, queries[at])) {
        answer(function, &queries[at]);
      }
    }
  }
}

}  // namespace

SymbolsStatus open_symbols(const char* path,
                           const char* build_id,
                           Symbols* symbols,
                           DebugFile debug_file) {
  *symbols = Symbols();
  Symbols module;
  module.file = os::map_file(path);
  if (module.file.data == nullptr) {
    return SymbolsStatus::kNoFile;
  }
  module.elf = ElfFile(module.file.data, module.file.size_bytes);
  const FileRange id = module.elf.build_id();
  SymbolsStatus status = SymbolsStatus::kOpen;
  Symbols debug;
  if (!module.elf.is_elf()) {
    status = SymbolsStatus::kNotElf;
  } else if (build_id != nullptr && !equals_hex(id, build_id)) {
    status = SymbolsStatus::kOtherBuild;
  } else if (find_table(SHT_SYMTAB, &module)) {
    *symbols = module;
    return status;
  } else if (debug_file == DebugFile::kLookFor && !id.is_empty() &&
             (open_by_build_id(id, &debug) || open_by_link(path, module, &debug))) {
    *symbols = debug;
  } else if (find_table(SHT_DYNSYM, &module)) {
    *symbols = module;
    return status;
  } else {
    status = SymbolsStatus::kNoSymbols;
  }
  close_symbols(&module);
  return status;
}

SymbolsStatus open_symbols_in_memory(const uint8_t* data, size_t size_bytes, Symbols* symbols) {
  *symbols = Symbols();
  symbols->elf = ElfFile(data, size_bytes);
  if (!symbols->elf.is_elf()) {
    return SymbolsStatus::kNotElf;
  }
  const bool is_found = find_table(SHT_SYMTAB, symbols) || find_table(SHT_DYNSYM, symbols);
  return is_found ? SymbolsStatus::kOpen : SymbolsStatus::kNoSymbols;
}

void lookup_symbols(const Symbols& symbols, std::span<SymbolQuery> queries) {
  for (SymbolQuery& query : queries) {
    query.function = nullptr;
    query.function_offset = 0;
    query.nearest_start = 0;
    query.best_size = 0;
    query.best_rank = 0;
  }
  if (queries.empty() || symbols.table.is_empty()) {
    return;
  }
  sort_in_place(queries.data(), queries.size(), [](const SymbolQuery& a, const SymbolQuery& b) {
    return a.address != b.address ? a.address < b.address : a.id < b.id;
  });
  look_at_sized(symbols, queries);
  look_at_unsized(symbols, queries);
}

bool open_loaded_symbols(uintptr_t address, Symbols* symbols) {
  os::DynamicSymbols found;
  if (!os::find_dynamic_symbols(address, &found)) {
    return false;
  }
  const FileRange strings{reinterpret_cast<const uint8_t*>(found.strings), found.strings_bytes};
  if (strings.is_empty() || strings.data[strings.size_bytes - 1] != '\0') {
    return false;
  }
  symbols->table = {static_cast<const uint8_t*>(found.table), found.count * sizeof(Elf64_Sym)};
  symbols->strings = strings;
  return true;
}

void visit_functions(const Symbols& symbols, const FunctionVisitor& visitor) {
  FunctionReader functions(symbols);
  for (size_t i = 0; i < functions.count(); ++i) {
    const Function function = functions.read(i);
    const bool wraps = function.start + function.size_bytes < function.start;
    if (function.rank != 0 && function.size_bytes != 0 && !wraps) {
      visitor.function(visitor.context, function.name, function.start, function.size_bytes);
    }
  }
}

void visit_functions_at(const Symbols& symbols, uint64_t address, const FunctionVisitor& visitor) {
  FunctionReader functions(symbols);
  for (size_t i = 0; i < functions.count(); ++i) {
    const auto symbol = read_at<Elf64_Sym>(symbols.table, i * sizeof(Elf64_Sym));
    if (address - symbol.st_value >= symbol.st_size) {
      continue;
    }
    const Function function = functions.read(i);
    if (function.rank != 0) {
      visitor.function(visitor.context, function.name, function.start, function.size_bytes);
    }
  }
}

void close_symbols(Symbols* symbols) {
  os::unmap_file(symbols->file);
  *symbols = Symbols();
}

}  // namespace heaptag::elf
