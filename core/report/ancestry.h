// Which process of a tree this is: one command gives one report, and hears of a mistake once.
// Layer: core/report.  Read from /proc; without it every process is the first of its tree.
#pragma once

#include "core/config/options.h"

namespace heaptag::report {

struct Ancestry {
  bool is_first;         // nobody above has the same request: HEAPTAG_* and LD_PRELOAD
  bool has_told_parent;  // somebody above has it, and is not left out by HEAPTAG_PROGRAMS
};

/// A program that the same process has executed before is not seen: nothing of it is left that
/// could be looked at, and nothing is handed on to the program. So it may hear of a mistake again.
Ancestry find_ancestry(char** environment, const config::Options& options);

}  // namespace heaptag::report
