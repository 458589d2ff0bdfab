// The variables of libheaptag-areas.so: HEAPTAG_AREAS_*.
// Layer: core/config.  Allocates: no.  Strings are borrowed from the environment block.
#pragma once

#include <string_view>

#include "core/config/options.h"

namespace heaptag::config {

/// Whose return codes where BeOS's documentation and Haiku differ.
enum class AreaDialect { kBe, kHaiku };

/// What a forked child has of its parent's areas: the same memory; a copy of those that were never
/// cloned; a copy of each.
enum class AreaFork { kShared, kHaiku, kBe };

struct AreaOptions {
  static constexpr size_t kMaxNamespaceBytes = 32;

  AreaDialect dialect = AreaDialect::kBe;
  AreaFork fork = AreaFork::kShared;
  bool foreign_delete = true;  // delete_area takes areas of other processes, too
  bool foreign_delete_given = false;
  std::string_view name_space{};  // of a registry of its own; "" is everybody's
};

/// As the document has it; not as Haiku does it, unless it was said.
constexpr bool deletes_foreign(const AreaOptions& options) {
  return options.foreign_delete &&
         (options.foreign_delete_given || options.dialect == AreaDialect::kBe);
}

/// Reads one variable. Returns: whether it is one of them; a value that is malformed is told and
/// left out.
bool read_area_option(std::string_view name,
                      const char* value,
                      const Complaints& complaints,
                      AreaOptions* options);

/// Reads them all from `environment` (NAME=VALUE strings, null-terminated).
AreaOptions read_area_options(char** environment, const Complaints& complaints);

}  // namespace heaptag::config
