// Reports while the process runs, asked for by a signal; and the turn that all reports take.
// Layer: core/report.  errno: never touched.
//
// The signal may come while its thread is anywhere. If that is one of our slow paths the request is
// noted, and served by the first thread that leaves one (core/allocator/deferred.h); if another
// report is being written, by its writer. Else the handler writes the report there and then: with
// every signal blocked, on a stack of ours, without the heap, without libc, and without waiting for
// ever.
#pragma once

#include "core/base/types.h"

namespace heaptag::report {

/// From now on the signal writes a report. A handler that the program sets later takes its place.
/// False when that is not possible. Pre: session.signal_path is set.
bool watch_signal(int number);

bool is_watching_signal();

/// One report at a time. Waits for the one that is being written, though not for ever; what was
/// asked for while it is in scope is written when it ends.
class ReportTurn {
 public:
  ReportTurn();
  ~ReportTurn();

  ReportTurn(const ReportTurn&) = delete;
  ReportTurn& operator=(const ReportTurn&) = delete;

  bool is_ours() const { return is_ours_; }

 private:
  bool is_ours_;
};

/// Around fork, outside of the allocator's: a report that is being written is waited for, and what
/// the signal asks for meanwhile is done afterwards, by the process that it was sent to.
void prepare_fork();
void after_fork_in_parent();
void after_fork_in_child();

}  // namespace heaptag::report
