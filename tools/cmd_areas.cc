// heaptag areas: the BeOS areas of this user, as Haiku's listarea shows them.
#include <dlfcn.h>
#include <fmt/core.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <variant>

#include "core/base/format.h"
#include "core/base/utf8.h"
#include "core/config/area_options.h"
#include "tools/areas/area_list.h"
#include "tools/command.h"
#include "tools/run/preload_library.h"
#include "tools/text/message.h"
#include "tools/text/printable.h"

namespace heaptag::tools {
namespace {

constexpr const char kNamespaceName[] = "HEAPTAG_AREAS_NAMESPACE";

struct AreasOptions {
  bool json = false;
  bool gc = false;
  bool bytes = false;
  std::string name_space;
};

std::string counted(uint64_t count, const char* noun) {
  return fmt::format("{} {}{}", format_grouped(count).view(), noun, count == 1 ? "" : "s");
}

std::string size_text(uint64_t bytes, bool plain) {
  return std::string(plain ? format_grouped(bytes).view() : format_size(bytes).view());
}

void print_table(const AreaList& list, bool plain) {
  size_t name_columns = 4;
  size_t program_columns = 7;
  for (const AreaRow& row : list.areas) {
    name_columns = std::max(name_columns, count_columns(printable(row.name)));
    program_columns = std::max(program_columns, count_columns(printable(row.program)));
  }
  const auto print = [&](const std::string& id, const std::string& team, const std::string& program,
                         const std::string& name, const std::string& address,
                         const std::string& size, const std::string& alloc, const std::string& lock,
                         const std::string& protection, const std::string& areas) {
    fmt::print("{:>7}  {:>7}  {}  {}  {:>14}  {:>9}  {:>9}  {:<10}  {:<4}  {:>6}\n", id, team,
               padded(program, program_columns), padded(name, name_columns), address, size, alloc,
               lock, protection, areas);
  };
  print("ID", "TEAM", "PROGRAM", "NAME", "ADDRESS", "SIZE", "ALLOC", "LOCK", "PROT", "SHARED");
  std::map<uint32_t, uint64_t> memory;
  std::set<int32_t> teams;
  for (const AreaRow& row : list.areas) {
    print(std::to_string(row.id), std::to_string(row.team), printable(row.program),
          printable(row.name), std::string(format_hex(row.address).view()),
          size_text(row.size_bytes, plain), size_text(row.memory_bytes, plain), lock_name(row.lock),
          protection_name(row.protection), std::to_string(row.shown_by));
    memory[row.object] = std::max(memory[row.object], row.memory_bytes);
    teams.insert(row.team);
  }
  uint64_t total = 0;
  for (const auto& [object, bytes] : memory) {
    total += bytes;
  }
  fmt::print("{} of {}, {} allocated: what several areas show is counted once\n",
             counted(list.areas.size(), "area"), counted(teams.size(), "team"),
             size_text(total, plain));
}

void print_json(const AreaList& list) {
  using nlohmann::ordered_json;
  ordered_json areas = ordered_json::array();
  for (const AreaRow& row : list.areas) {
    areas.push_back({{"id", row.id},
                     {"name", row.name},
                     {"team", row.team},
                     {"program", row.program},
                     {"address", row.address},
                     {"size", row.size_bytes},
                     {"allocated", row.memory_bytes},
                     {"lock", lock_name(row.lock)},
                     {"protection", protection_name(row.protection)},
                     {"memory", row.object},
                     {"shared", row.shown_by}});
  }
  const ordered_json all = {{"registry", list.path}, {"areas", areas}, {"dead", list.dead}};
  // Names are bytes; what is no UTF-8 becomes a replacement character.
  fmt::print("{}\n", all.dump(2, ' ', false, ordered_json::error_handler_t::replace));
}

/// The library knows how: it takes the lock as programs do. Nothing when it cannot be had.
std::optional<int> sweep(const std::string& name_space) {
  const std::string library = find_preload_library().path;
  const std::string path =
      library.empty()
          ? "libheaptag-areas.so"
          : (std::filesystem::path(library).parent_path() / "libheaptag-areas.so").string();
  // It reads its options when it is loaded.
  if (name_space.empty()) {
    unsetenv(kNamespaceName);
  } else {
    setenv(kNamespaceName, name_space.c_str(), 1);
  }
  void* handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    complain("areas: --gc needs libheaptag-areas.so: {}", dlerror());
    return std::nullopt;
  }
  void* found = dlsym(handle, "heaptag_areas_sweep");
  if (found == nullptr) {
    complain("areas: {}: too old, it has no heaptag_areas_sweep", path);
    return std::nullopt;
  }
  const int count = reinterpret_cast<int (*)()>(found)();
  if (count < 0) {
    complain("areas: {}: the registry cannot be used; heaptag areas says why", path);
    return std::nullopt;
  }
  return count;
}

void print_list(const AreaList& list, bool plain) {
  if (list.areas.empty()) {
    fmt::print("no areas in {}; programs make them with create_area (heaptag/area.h)\n", list.path);
  } else {
    print_table(list, plain);
  }
  if (list.dead != 0) {
    fmt::print(
        "{} of processes that have ended: gone with the next call that comes across them, "
        "or by  heaptag areas --gc\n",
        counted(list.dead, "area"));
  }
}

int list_areas(const AreasOptions& options) {
  std::optional<int> swept;
  if (options.gc && !(swept = sweep(options.name_space))) {
    return kUsageOrCouldNot;
  }
  const AreaList list = read_areas(options.name_space);
  if (options.json) {
    print_json(list);
    return kDone;
  }
  if (swept) {
    fmt::print("{} of processes that have ended, now forgotten\n",
               counted(static_cast<uint64_t>(*swept), "area"));
  }
  print_list(list, options.bytes);
  return kDone;
}

std::variant<AreasOptions, ExitStatus> parse(const Arguments& arguments) {
  AreasOptions options;
  if (const char* name = std::getenv(kNamespaceName); name != nullptr) {
    options.name_space = name;
  }
  CLI::App app("List the areas (heaptag/area.h) of this user's programs", "heaptag areas");
  app.set_help_flag("-h,--help", "this text");
  app.add_flag("--json", options.json, "as JSON");
  app.add_flag("--gc", options.gc, "forget areas of processes that have ended, first");
  app.add_flag("--bytes", options.bytes, "sizes as plain numbers of bytes");
  app.add_option("--namespace", options.name_space,
                 "of programs that run with HEAPTAG_AREAS_NAMESPACE=NAME")
      ->type_name("NAME");
  Arguments words = arguments;
  std::reverse(words.begin(), words.end());  // CLI11 takes them from the back
  try {
    app.parse(words);
  } catch (const CLI::CallForHelp&) {
    fmt::print("{}", app.help());
    return kDone;
  } catch (const CLI::ParseError& error) {
    complain("areas: {}; heaptag areas --help", error.what());
    return kUsageOrCouldNot;
  }
  // What the library would ignore is no name of a registry.
  config::AreaOptions checked;
  bool is_bad = false;
  const auto note = [](void* context, std::string_view, std::string_view, std::string_view) {
    *static_cast<bool*>(context) = true;
  };
  if (!options.name_space.empty()) {
    config::read_area_option(kNamespaceName, options.name_space.c_str(), {note, &is_bad}, &checked);
  }
  if (is_bad) {
    complain("areas: --namespace={}: no name of 1 to 32 letters, digits, - and _",
             options.name_space);
    return kUsageOrCouldNot;
  }
  return options;
}

}  // namespace

int cmd_areas(const Arguments& arguments) {
  const auto parsed = parse(arguments);
  if (const ExitStatus* status = std::get_if<ExitStatus>(&parsed)) {
    return *status;
  }
  try {
    return list_areas(std::get<AreasOptions>(parsed));
  } catch (const BrokenRegistry& error) {
    complain("areas: {}", error.what());
    return kUsageOrCouldNot;
  }
}

}  // namespace heaptag::tools
