// Errors that somebody has decided to live with: HEAPTAG_SUPPRESSIONS names a file of lines
// KIND:GLOB, where one of the functions or modules of the error's stacks matches. `*` is any kind.
// Lines of LeakSanitizer (leak:GLOB) are for leaks; # begins a comment.
// Layer: core/report.
#pragma once

#include "core/report/error_store.h"

namespace heaptag::report {

/// Reads the file, once, before main. What is wrong with it is told and left out.
void read_suppressions(const char* path);

bool is_suppressed(const KeptError& error);

}  // namespace heaptag::report
