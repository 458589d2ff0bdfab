// Where a report goes: placeholders replaced, and no existing file touched.
// Layer: core/report.
#pragma once

#include <string_view>

#include "core/base/types.h"

namespace heaptag::report {

inline constexpr size_t kMaxReportPathBytes = 4096;

/// Does the path name its process, so that every process can have a file of its own?
bool has_pid_placeholder(std::string_view path);

/// The first letter behind a % that stands for nothing; NUL when there is none.
char unknown_placeholder(std::string_view path);

/// The file of one report. It gets its name when it is whole: until then it is called NAME.part,
/// and whoever waits for NAME finds all of it. One at a time: static storage, 8 KiB.
class ReportFile {
 public:
  /// Opens the file for a report: %p pid, %e program, %n first free number, %t time, %h host, %%
  /// percent. An existing regular file is kept: PATH.1, PATH.2, ... are tried. Devices and pipes
  /// are written to as they are; /dev/stderr and the like mean the descriptor, also when it is a
  /// file. Returns the descriptor, or a negative errno; `name` is what it was about in either case.
  /// Borrows: the path, until `close`.
  int open(std::string_view path);

  /// Gives the file its name, or removes what is not whole. Returns 0 or a negative errno.
  long close(bool is_whole);

  std::string_view name() const { return {name_, name_bytes_}; }

 private:
  bool expand(unsigned number);
  int try_number(unsigned number);
  long publish();

  std::string_view path_;
  unsigned number_ = 0;  // to try next
  unsigned last_number_ = 0;
  int fd_ = -1;
  bool is_part_ = false;  // has yet to get its name
  size_t name_bytes_ = 0;
  char name_[kMaxReportPathBytes] = {};
  char part_[kMaxReportPathBytes] = {};
};

}  // namespace heaptag::report
