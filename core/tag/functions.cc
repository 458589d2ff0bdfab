#include "core/tag/functions.h"

#include <cstring>
#include <string_view>

#include "core/base/format.h"
#include "core/base/glob.h"
#include "core/base/sort.h"
#include "core/base/text.h"
#include "core/base/units.h"
#include "core/elf/elf_symbols.h"
#include "core/meta/meta_allocator.h"
#include "core/os/own_stack.h"
#include "core/os/process.h"
#include "core/os/vm.h"
#include "core/stack/frame_rows.h"
#include "core/tag/modules.h"
#include "core/tag/rules.h"
#include "core/tag/wrapper_names.h"

namespace heaptag::tag {

namespace {

constexpr size_t kHexIdBytes = 2 * sizeof(wire::ModuleRecord::build_id) + 1;

/// A function, or neighbours of one mark: addresses without the load bias.
struct Range {
  uint32_t begin;
  uint32_t end;
  uint32_t mark;
};

struct ModuleFunctions {
  Range* ranges;  // sorted by begin
  uint32_t count;
  uint32_t capacity;   // of ranges, while addresses are looked up one by one
  uint16_t looked_up;  // addresses so far
  bool is_read;        // all symbols
  bool is_opaque;
  elf::Symbols* kept;  // of the file, which has more than the loader has mapped; null: those
};

/// Reading all symbols of a module costs as much as looking up some 64 addresses; most programs
/// have either a few of a module or many.
constexpr uint16_t kMostLookedUp = 16;

constinit meta::GrowingTable<ModuleFunctions> table{};

/// Functions of opaque modules that call what they are given: a nameless function below one of them
/// is no helper of its caller, but what the program runs.
bool is_dispatcher_name(std::string_view name) {
  if (!name.starts_with('P') && !name.starts_with("_Py") && !name.starts_with("g_")) {
    return false;  // nearly all
  }
  constexpr std::string_view kDispatchers[] = {"_PyEval_*",        "PyEval_*",
                                               "PyObject_*",       "_PyObject_*",
                                               "PyVectorcall_*",   "PyNumber_*",
                                               "PySequence_*",     "PyMapping_*",
                                               "PyIter_Next",      "_PyFunction_Vectorcall",
                                               "PyImport_*",       "PyModule_*",
                                               "PyType_Ready",     "Py_*Main",
                                               "Perl_runops_*",    "Perl_call_*",
                                               "Perl_pp_entersub", "g_closure_invoke",
                                               "g_signal_emit*",   "g_main_*",
                                               "g_type_class_ref", "g_type_create_instance",
                                               "g_*_foreach"};
  for (const std::string_view glob : kDispatchers) {
    if (glob_matches(glob, name)) {
      return true;
    }
  }
  return false;
}

constexpr uint32_t kNoMark = 0;  // a rule's number otherwise: those are not asked for here

/// What a function is without rules.
uint32_t mark_of(std::string_view name, std::string_view module_name, bool is_opaque) {
  if (is_wrapper_name(name, module_name)) {
    return kMarkWrapper;
  }
  return !is_opaque ? kNoMark : is_dispatcher_name(name) ? kMarkDispatcher : kMarkNamed;
}

/// Ranges on their way from the symbols to the table: a mapping that the kernel fills as it is
/// used.
class Collector {
 public:
  Collector(const char* path, bool is_opaque, size_t symbols)
      : base_name_(base_name(path)), is_opaque_(is_opaque) {
    for (uint32_t rule = 0; rule < rule_count(); ++rule) {
      if (wants_functions_of(rule, path)) {
        wanted_rules_[wanted_count_++] = static_cast<uint16_t>(rule);
      }
    }
    capacity_ = symbols * (1 + wanted_count_);
    mapped_bytes_ = align_up(2 * capacity_ * sizeof(Range), os::kPageBytes);
    ranges_ = static_cast<Range*>(os::map_pages(mapped_bytes_));
  }

  ~Collector() {
    if (ranges_ != nullptr) {
      os::unmap(ranges_, mapped_bytes_);
    }
  }

  Collector(const Collector&) = delete;
  Collector& operator=(const Collector&) = delete;

  void add_function(const char* symbol, uint64_t begin, uint64_t size_bytes) {
    const std::string_view name = symbol;
    const uint32_t mark = mark_of(name, base_name_, is_opaque_);
    if (mark != kNoMark) {
      add(begin, size_bytes, mark);
    }
    for (size_t i = 0; i < wanted_count_; ++i) {
      const uint32_t rule = wanted_rules_[i];
      if (function_matches(rule, name)) {
        add(begin, size_bytes, rule);
      }
    }
  }

  /// Sorted and joined. The module is left without marks when there is no memory.
  void store(ModuleFunctions* to) {
    sort_by_key(ranges_, ranges_ + capacity_, count_,
                [](const Range& range) { return range.begin; });
    size_t kept = 0;
    for (size_t i = 0; i < count_; ++i) {
      if (kept != 0 && can_join(ranges_[kept - 1], ranges_[i])) {
        Range& last = ranges_[kept - 1];
        last.end = last.end > ranges_[i].end ? last.end : ranges_[i].end;
      } else {
        ranges_[kept++] = ranges_[i];
      }
    }
    to->ranges = kept == 0 ? nullptr : static_cast<Range*>(meta::allocate(kept * sizeof(Range)));
    if (to->ranges != nullptr) {
      std::memcpy(to->ranges, ranges_, kept * sizeof(Range));
      to->count = static_cast<uint32_t>(kept);
    }
  }

 private:
  static bool can_join(const Range& a, const Range& b) {
    // Neighbours may be padded to 16 bytes: no call returns into the padding.
    return a.mark == b.mark && b.begin <= ((a.end + 15) & ~15U);
  }

  void add(uint64_t begin, uint64_t size_bytes, uint32_t mark) {
    if (ranges_ != nullptr && count_ < capacity_ && begin + size_bytes <= UINT32_MAX) {
      ranges_[count_++] = {static_cast<uint32_t>(begin), static_cast<uint32_t>(begin + size_bytes),
                           mark};
    }
  }

  std::string_view base_name_;
  bool is_opaque_;
  uint16_t wanted_rules_[kMaxRules];
  size_t wanted_count_ = 0;
  Range* ranges_ = nullptr;
  size_t capacity_ = 0;
  size_t count_ = 0;
  size_t mapped_bytes_ = 0;
};

std::string_view file_of(uint32_t index) {
  return base_name(reinterpret_cast<const char*>(modules()[index].path));
}

/// The symbols of a module's file, or of its debug file.
bool open_file(uint32_t index, elf::Symbols* symbols) {
  const wire::ModuleRecord& module = modules()[index];
  const char* path = reinterpret_cast<const char*>(module.path);
  if (std::strchr(path, '/') == nullptr) {
    return false;  // no file: the vDSO
  }
  char build_id[kHexIdBytes];
  write_hex_bytes(module.build_id, module.build_id_bytes, build_id);
  // What an opaque module's debug file would name is a wrapper without it, and the loader has none.
  const elf::DebugFile debug_file = table[index].is_opaque || file_of(index).starts_with("ld-linux")
                                        ? elf::DebugFile::kLeaveOut
                                        : elf::DebugFile::kLookFor;
  return elf::open_symbols(path, module.build_id_bytes == 0 ? nullptr : build_id, symbols,
                           debug_file) == elf::SymbolsStatus::kOpen;
}

/// What there is without opening a file.
bool open_mapped(uint32_t index, elf::Symbols* symbols) {
  if (table[index].kept != nullptr) {
    *symbols = *table[index].kept;
    return true;
  }
  return elf::open_loaded_symbols(modules()[index].begin, symbols);
}

void close_unless_kept(uint32_t index, elf::Symbols* symbols) {
  if (table[index].kept == nullptr) {
    elf::close_symbols(symbols);
  }
}

void close_kept(uint32_t index) {
  if (table[index].kept != nullptr) {
    elf::close_symbols(table[index].kept);
    meta::release(table[index].kept, sizeof(elf::Symbols));
    table[index].kept = nullptr;
  }
}

/// Of addresses that were looked up.
void drop_ranges(ModuleFunctions* functions) {
  meta::release(functions->ranges, functions->capacity * sizeof(Range));
  functions->ranges = nullptr;
  functions->count = 0;
  functions->capacity = 0;
}

struct Question {
  uint32_t index;  // of the module
  bool may_open;   // its file
  uint64_t offset;
};

void collect(uint32_t index, const elf::Symbols& symbols) {
  Collector collector(reinterpret_cast<const char*>(modules()[index].path), table[index].is_opaque,
                      symbols.table.size_bytes / sizeof(Elf64_Sym));
  elf::visit_functions(symbols, {[](void* to, const char* name, uint64_t begin, uint64_t size) {
                                   static_cast<Collector*>(to)->add_function(name, begin, size);
                                 },
                                 &collector});
  collector.store(&table[index]);
}

void read_symbols(void* context) {
  const auto* question = static_cast<const Question*>(context);
  const uint32_t index = question->index;
  elf::Symbols symbols;
  if (!(question->may_open && table[index].kept == nullptr && open_file(index, &symbols)) &&
      !open_mapped(index, &symbols)) {
    return;
  }
  collect(index, symbols);
  close_unless_kept(index, &symbols);
  close_kept(index);
}

// Nobody can write to an executable that runs, but to its debug file: that is read at once.
void keep_symbols(void* context) {
  const uint32_t index = static_cast<const Question*>(context)->index;
  elf::Symbols symbols;
  if (!open_file(index, &symbols)) {
    return;
  }
  if (symbols.is_from_debug) {
    drop_ranges(&table[index]);
    table[index].is_read = true;
    collect(index, symbols);
    return elf::close_symbols(&symbols);
  }
  auto* kept = symbols.is_dynamic
                   ? nullptr
                   : static_cast<elf::Symbols*>(meta::allocate(sizeof(elf::Symbols)));
  if (kept == nullptr) {
    return elf::close_symbols(&symbols);
  }
  *kept = symbols;
  table[index].kept = kept;
}

/// Keeps the ranges sorted. Without memory the function stays without its mark.
void insert_range(ModuleFunctions* functions, const Range& range) {
  if (functions->count == functions->capacity) {
    const uint32_t capacity = functions->capacity == 0 ? 4 : functions->capacity * 2;
    auto* ranges = static_cast<Range*>(meta::allocate(capacity * sizeof(Range)));
    if (ranges == nullptr) {
      return;
    }
    if (functions->count != 0) {
      std::memcpy(ranges, functions->ranges, functions->count * sizeof(Range));
    }
    meta::release(functions->ranges, functions->capacity * sizeof(Range));
    functions->ranges = ranges;
    functions->capacity = capacity;
  }
  uint32_t at = functions->count++;
  for (; at != 0 && functions->ranges[at - 1].begin > range.begin; --at) {
    functions->ranges[at] = functions->ranges[at - 1];
  }
  functions->ranges[at] = range;
}

// Some 1.5 KiB of stack: on the caller's.
void look_up(Question question) {
  elf::Symbols symbols;
  if (!open_mapped(question.index, &symbols)) {
    return;
  }
  elf::visit_functions_at(
      symbols, question.offset,
      {[](void* to, const char* name, uint64_t begin, uint64_t size) {
         const uint32_t index = static_cast<const Question*>(to)->index;
         const uint32_t mark = mark_of(name, file_of(index), table[index].is_opaque);
         if (mark != kNoMark && begin + size <= UINT32_MAX) {
           insert_range(&table[index],
                        {static_cast<uint32_t>(begin), static_cast<uint32_t>(begin + size), mark});
         }
       },
       &question});
  close_unless_kept(question.index, &symbols);
}

bool is_named_by_rules(uint32_t index) {
  const char* path = reinterpret_cast<const char*>(modules()[index].path);
  for (uint32_t rule = 0; rule < rule_count(); ++rule) {
    if (wants_functions_of(rule, path)) {
      return true;
    }
  }
  return false;
}

/// Whoever calls one of ours from one of ours does it for a caller: operator new(std::nothrow)
/// calls the operator new of the program, if it has one.
bool is_ours(uint32_t index) {
  const auto here = reinterpret_cast<uintptr_t>(&read_symbols);
  return modules()[index].begin <= here && here < modules()[index].end;
}

/// The last range that begins at or before `offset`; -1 when there is none.
ptrdiff_t last_at_or_before(const ModuleFunctions& functions, uint32_t offset) {
  size_t begin = 0;
  size_t end = functions.count;
  while (begin < end) {
    const size_t middle = (begin + end) / 2;
    if (functions.ranges[middle].begin <= offset) {
      begin = middle + 1;
    } else {
      end = middle;
    }
  }
  return static_cast<ptrdiff_t>(begin) - 1;
}

// Ranges of different marks overlap when rules name the same functions. A range of the mark that
// begins further back than this many others is not found.
constexpr ptrdiff_t kMostOverlapping = 64;

bool has_mark(const ModuleFunctions& functions, uint64_t offset, uint32_t mark) {
  if (offset > UINT32_MAX) {
    return false;
  }
  const auto at = static_cast<uint32_t>(offset);
  const ptrdiff_t last = last_at_or_before(functions, at);
  for (ptrdiff_t i = last; i >= 0 && i > last - kMostOverlapping; --i) {
    const Range& range = functions.ranges[i];
    if (range.mark == mark && at < range.end) {
      return true;
    }
  }
  return false;
}

}  // namespace

bool init_functions(size_t modules) {
  return table.init(modules) && table.grow_to(1);
}

namespace {

void read_all_locked(uint32_t index, bool may_open) {
  ModuleFunctions& functions = table[index];
  drop_ranges(&functions);
  functions.is_read = true;
  Question question{index, may_open, 0};
  os::call_on_own_stack(read_symbols, &question);
}

/// Distributions strip their libraries, and a limit on address space counts what is kept mapped.
bool may_have_more_symbols(uint32_t index) {
  const std::string_view path = reinterpret_cast<const char*>(modules()[index].path);
  for (const std::string_view folder : {"/lib/", "/lib64/", "/usr/lib/", "/usr/lib64/"}) {
    if (path.starts_with(folder)) {
      return false;
    }
  }
  return !table[index].is_opaque && os::address_space_limit() == SIZE_MAX;
}

/// Not yet known as a whole.
bool is_open_question(uint32_t index) {
  if (index == 0 || !table.grow_to(size_t{index} + 1) || table[index].is_read) {
    return false;
  }
  table[index].is_opaque = is_opaque_module(file_of(index));
  table[index].is_read = is_ours(index);
  return !table[index].is_read;
}

}  // namespace

void read_functions_locked(ModuleId module) {
  const uint32_t index = index_of(module);
  if (!is_open_question(index)) {
    return;
  }
  if (is_named_by_rules(index)) {
    read_all_locked(index, true);
  } else if (table[index].kept == nullptr && may_have_more_symbols(index)) {
    Question question{index, true, 0};
    os::call_on_own_stack(keep_symbols, &question);
  }
}

void know_function_locked(ModuleId module, uintptr_t address) {
  const uint32_t index = index_of(module);
  if (!is_open_question(index)) {
    return;
  }
  if (is_named_by_rules(index)) {
    return read_all_locked(index, !os::is_sandboxed());
  }
  if (table[index].looked_up++ == kMostLookedUp) {
    return read_all_locked(index, false);
  }
  look_up({index, false, address - modules()[index].base});
}

void trim_functions_locked() {
  for (uint32_t i = 1; i < module_count(); ++i) {
    if (table.grow_to(size_t{i} + 1)) {
      close_kept(i);
    }
  }
  table.trim_to(module_capacity());
}

void restore_functions_locked() {
  table.restore();
}

bool function_has_mark(ModuleId module, uintptr_t address, uint32_t mark) {
  const uint32_t index = index_of(module);
  return index != 0 && has_mark(table[index], address - modules()[index].base, mark);
}

bool is_dispatcher(ModuleId module, uintptr_t address) {
  const uint32_t index = index_of(module);
  if (index == 0) {
    return false;
  }
  const std::string_view name = file_of(index);
  return name.starts_with("libc.so") || name.starts_with("ld-linux") ||
         has_mark(table[index], address - modules()[index].base, kMarkDispatcher);
}

WrapperKind wrapper_kind(ModuleId module, uintptr_t address) {
  const uint32_t index = index_of(module);
  if (index == 0) {
    return WrapperKind::kNone;
  }
  const ModuleFunctions& functions = table[index];
  const wire::ModuleRecord& record = modules()[index];
  const uint64_t offset = address - record.base;
  if (is_ours(index) || has_mark(functions, offset, kMarkWrapper)) {
    return WrapperKind::kNamed;
  }
  // A function that the symbols do not know, but the user does.
  uintptr_t begin = 0;
  uintptr_t end = 0;
  if (has_wrapper_offsets() && stack::find_function_range(address + 1, &begin, &end) &&
      is_wrapper_offset(file_of(index), begin - record.base, end - record.base)) {
    return WrapperKind::kNamed;
  }
  const bool has_name =
      has_mark(functions, offset, kMarkNamed) || has_mark(functions, offset, kMarkDispatcher);
  return functions.is_opaque && !has_name ? WrapperKind::kNameless : WrapperKind::kNone;
}

void forget_functions_locked() {
  for (uint32_t i = 1; i < module_count(); ++i) {
    if (table.grow_to(size_t{i} + 1)) {
      close_kept(i);
      table[i] = ModuleFunctions{};
    }
  }
}

}  // namespace heaptag::tag
