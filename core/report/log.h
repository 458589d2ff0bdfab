// Messages of heaptag itself: one line each, to HEAPTAG_LOG.
// Layer: core/report.  Allocates: no.  errno: never touched.  Threads: safe (one write per line).
#pragma once

#include <initializer_list>
#include <string_view>

namespace heaptag::report {

/// Where messages go: "stderr" (null), "syslog" or a path, copied.
/// `keep_stderr`: take a private duplicate of descriptor 2 now, because there may be something to
/// say after the program has closed or replaced it. It is used only while it is still the file that
/// it was.
void open_log(const char* destination, bool keep_stderr);

/// Writes "heaptag: " and the parts as one line. What cannot be written is dropped.
void log_line(std::initializer_list<std::string_view> parts);

/// What a negative errno means, in words; "error N" for rare ones. Lent until the next call.
std::string_view error_text(long error);

}  // namespace heaptag::report
