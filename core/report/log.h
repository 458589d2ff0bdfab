// Messages of heaptag itself: one line each, to HEAPTAG_LOG.
// Layer: core/report.  Allocates: no.  errno: never touched.  Threads: safe (one write per line).
#pragma once

#include <initializer_list>
#include <string_view>

#include "core/base/sink.h"

namespace heaptag::report {

/// Where messages go: "stderr" (null), "syslog" or a path, copied.
/// `keep_stderr`: take a private duplicate of descriptor 2 now, because there may be something to
/// say after the program has closed or replaced it. It is used only while it is still the file that
/// it was.
void open_log(const char* destination, bool keep_stderr);

/// Writes "heaptag: " and the parts as one line. What cannot be written is dropped.
void log_line(std::initializer_list<std::string_view> parts);

/// Before open_log: remembers what descriptor 2 is now, so that nothing is written to another file
/// that gets its number. One system call.
void note_stderr();

/// Takes lines of text, each with its line feed, as they are. What cannot be written is dropped.
Sink log_sink();

/// What a negative errno means, in words; "error N" for rare ones. Lent until the next call.
std::string_view error_text(long error);

}  // namespace heaptag::report
