// One report of this process, written now. Layer: core/report.
// Allocates: pages of its own, given back.  errno: never touched.
#pragma once

namespace heaptag::report {

struct Occasion {
  const char* path;  // with placeholders
  const char* reason;
  bool is_exit = false;
  int exit_status = 0;
};

/// Writes a report; says so when that cannot be done. Other threads may go on. One at
/// a time.
void write_report(const Occasion& occasion);

}  // namespace heaptag::report
