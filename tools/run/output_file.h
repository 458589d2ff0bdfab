// Files that reports are written to.
#pragma once

#include <string>

#include "tools/model/report.h"

namespace heaptag::tools {

/// What snapshots are saved as, unless the user says otherwise.
inline constexpr const char* kSnapshotFile = "heaptag.%e.%p.snap";

struct WrittenFile {
  std::string path;  // the one that was written
  int error = 0;     // errno; 0: done
};

/// Whether a path has %p, %n, ... in it.
bool has_placeholder(const std::string& path_pattern, char letter);

/// Writes a new file. Placeholders are those of the library's own reports: %p pid, %e program,
/// %t time, %h host, %n first free number, %%. A file that exists is kept, and PATH.1, PATH.2, ...
/// is written.
WrittenFile write_new_file(const std::string& path_pattern,
                           const Process& process,
                           const std::string& text);

/// Writes a file in the place of one that exists: readers see the old or the new one, never half.
/// What is no regular file (/dev/null, a pipe), and what is named as a descriptor (/dev/stdout), is
/// written into.
WrittenFile replace_file(const std::string& path_pattern,
                         const Process& process,
                         const std::string& text);

}  // namespace heaptag::tools
