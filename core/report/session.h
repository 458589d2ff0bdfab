// What is known from the start of the process until its report: options, arguments, times, who
// writes. Layer: core/report.  Written by start() before main and by a forked child; read by
// reports.
#pragma once

#include "core/base/types.h"
#include "core/config/options.h"

namespace heaptag::report {

inline constexpr size_t kMaxArguments = 64;

struct Session {
  void* room;               // address space for the report, should the program use up its limit
  const char* report_path;  // absolute; placeholders not yet replaced; null: no report at exit
  const char* signal_path;  // the same for reports that a signal asks for
  config::Format format;
  config::Children children;
  bool is_child;    // forked, or started below a process that was told to report
  bool is_silent;   // HEAPTAG_PROGRAMS leaves it out
  bool is_written;  // the report at exit, or it is being written
  uint32_t pid;
  uint64_t start_realtime_ns;
  uint64_t start_monotonic_ns;
  const char* program;  // base name
  const char* arguments[kMaxArguments];
  size_t argument_count;
  config::OptionValue options[config::kMaxOptions];
  unsigned option_count;
};

inline constexpr size_t kReportRoomBytes = 2 << 20;

extern constinit Session session;

/// Is this the process that writes the report?
bool may_report(const Session& state);

}  // namespace heaptag::report
