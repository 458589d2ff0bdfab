// One report of this process, written now. Layer: core/report.
// Allocates: pages of its own, given back.  errno: never touched.
#pragma once

#include "core/base/types.h"

namespace heaptag::report {

struct Occasion {
  const char* path;  // with placeholders
  const char* reason;
  bool is_exit = false;
  int exit_status = 0;
};

/// Writes a report; says so when that cannot be done. Other threads may go on. Pre: the caller has
/// the turn (signal_report.h). Signals: safe, on a stack of kReportStackBytes, in a thread that is
/// in none of our slow paths.
void write_report(const Occasion& occasion);

/// Four times what the frames of the deepest calls (JSON) add up to.
inline constexpr size_t kReportStackBytes = 64 * 1024;

}  // namespace heaptag::report
