// The variables that say what to look for: HEAPTAG_CHECK and what it stands for.
// Layer: core/config.  Allocates: no.  Strings are borrowed from the environment block.
#pragma once

#include <string_view>

#include "core/config/options.h"

namespace heaptag::config {

/// Collects them in whatever order they come. Borrows: `complaints`, for its lifetime.
class CheckReader {
 public:
  explicit CheckReader(const Complaints& complaints) : complaints_(complaints) {}

  /// Reads one variable. Returns: whether it is one of them; a value that is malformed is told and
  /// left out.
  bool read(std::string_view name, const char* value);

  /// All of them together: what was said by itself, and for the rest what HEAPTAG_CHECK means.
  CheckOptions result() const;

 private:
  enum class Level { kNone, kBasic, kFull };

  void complain(std::string_view name, std::string_view value, std::string_view advice) const {
    complaints_.tell(complaints_.context, name, value, advice);
  }

  void read_level(std::string_view name, std::string_view value);
  void read_kmem_debug(std::string_view name, std::string_view value);
  void read_quarantine(std::string_view name, std::string_view value);
  void read_redzone(std::string_view name, std::string_view value);
  void read_guard(std::string_view name, std::string_view value);
  void read_on_error(std::string_view name, std::string_view value);
  void read_exit_code(std::string_view name, std::string_view value);
  void read_suppressions(std::string_view name, const char* value);
  void read_stack(std::string_view name, std::string_view value);

  const Complaints& complaints_;
  CheckOptions options_;
  Level level_ = Level::kNone;
  bool kmem_debug_given_ = false;
  bool redzone_given_ = false;
  bool guard_given_ = false;
};

}  // namespace heaptag::config
