// The options as the environment gives them: one table (options.def), read once, before main.
// Layer: core/config.  Allocates: no.  Strings are borrowed from the environment block: copy what
// must outlive it.
#pragma once

#include <string_view>

namespace heaptag::config {

enum class Format { kText, kJson, kSnapshot };

enum class Children { kDefault, kReport, kFindings, kOff };

enum class OnError { kDefault, kReport, kAbort };

/// What looks for errors. All zero: nothing was asked for.
struct CheckOptions {
  static constexpr size_t kDefaultBytes = ~size_t{0};

  bool kmem_debug = false;
  size_t quarantine_bytes = kDefaultBytes;
  uint32_t redzone_bytes = 0;
  uint32_t guard_every = 0;         // one allocation in so many, 1: all; 0: none
  const char* guard_tag = nullptr;  // all of this tag: see guarded_tag
  size_t guard_tag_bytes = 0;       // of its name, which no NUL ends
  bool guard_aligned = false;       // ",aligned": always to 16 bytes, whatever the size says
  bool guard_named = false;         // HEAPTAG_GUARD itself was given, not what stands for it
  OnError on_error = OnError::kDefault;
  int exit_code = 0;                   // 0: the program's own
  const char* suppressions = nullptr;  // a file
  uint32_t stack = 0;                  // frames that are kept; 0: the default

  bool any() const {
    return kmem_debug || redzone_bytes != 0 || guard_every != 0 || guard_tag != nullptr;
  }

  std::string_view guarded_tag() const { return {guard_tag, guard_tag_bytes}; }
};

enum class Panic { kAbort, kExit, kWarn };

enum class OsmDialect { kStrict, kXnu, kXnu7195 };

/// What the interfaces of old kernels go by.
struct KernelOptions {
  Panic panic = Panic::kAbort;
  int panic_status = 0;  // of kExit
  OsmDialect osm_dialect = OsmDialect::kStrict;
  bool osm_wire = true;
  size_t osm_pool_bytes = size_t{1} << 20;
  size_t osf_pool_bytes = size_t{4} << 20;
  bool osf_intr_signals = false;
  uint32_t osf_wait_ms = 1000;
};

struct Options {
  const char* report = nullptr;  // null: no report
  Format format = Format::kText;
  const char* log = nullptr;       // null: stderr
  const char* programs = nullptr;  // null: all
  Children children = Children::kDefault;
  const char* tags = nullptr;      // rules, or @FILE
  const char* wrappers = nullptr;  // globs
  int signal = 0;                  // that asks for a report; 0: none
  const char* root = nullptr;      // set by `heaptag run`: pid of the program that it started
  CheckOptions check;
  KernelOptions kernel;
  bool any = false;  // some HEAPTAG_* was there
};

/// Told about every variable that is unknown or malformed: the variable's name, its value, and what
/// to say instead
/// ("is not known; the nearest is HEAPTAG_REPORT").
struct Complaints {
  void (*tell)(void* context,
               std::string_view name,
               std::string_view value,
               std::string_view advice);
  void* context;
};

/// Reads `environment` (NAME=VALUE strings, null-terminated). Never fails: what is wrong is told
/// and left out.
Options read_options(char** environment, const Complaints& complaints);

/// Does a list of globs (`a*,!ab`) select a name? The last glob that matches decides; when only
/// exclusions are listed, everything else is selected.
bool selects(std::string_view globs, std::string_view name);

/// Every variable as NAME, VALUE pairs for the report, in the table's order. Returns how many are
/// set.
struct OptionValue {
  const char* name;
  const char* value;
};

inline constexpr unsigned kMaxOptions = 48;

unsigned set_options(char** environment, OptionValue* values);

}  // namespace heaptag::config
