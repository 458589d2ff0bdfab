// Where a report goes: placeholders replaced, and no existing file touched.
// Layer: core/report.
#pragma once

#include <string_view>

#include "core/base/types.h"

namespace heaptag::report {

inline constexpr size_t kMaxReportPathBytes = 4096;

/// Does the path name its process, so that every process can have a file of its own?
bool has_pid_placeholder(std::string_view path);

/// Opens the file for a report: %p pid, %e program, %n first free number, %t time, %h host, %%
/// percent. An existing regular file is kept: PATH.1, PATH.2, ... are tried. Devices and pipes are
/// written to as they are; /dev/stderr and the like mean the descriptor, also when it is a file.
/// Returns the descriptor, or a negative errno; *path_used is the name in either case.
int open_report(std::string_view path, char (&path_used)[kMaxReportPathBytes]);

}  // namespace heaptag::report
