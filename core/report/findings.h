// Errors that the checks have found become messages at once, and rows of the report at exit.
// Layer: core/report.  Locks: one of its own, innermost but for the owners' and metadata's.
// Signals: not safe; findings come from slow paths, where signals wait, or from faults.
#pragma once

#include "core/config/options.h"
#include "core/render/model.h"
#include "core/report/collect.h"

namespace heaptag::report {

/// From here on errors are told. Without checks these are bad frees only.
void listen_to_findings();

/// Turns on what the options ask for. Before a second thread is there, and after the tables are.
void start_checks(const config::CheckOptions& options);

/// While in scope nothing is told: libraries free what is not ours, and the program has no part in
/// it. Only for a process with one thread.
class MutedFindings {
 public:
  MutedFindings();
  ~MutedFindings();

  MutedFindings(const MutedFindings&) = delete;
  MutedFindings& operator=(const MutedFindings&) = delete;
};

/// Looks at every checked block, for the last time.
void verify_at_exit();

/// The same at another moment: a fork, a request.
void verify_now();

/// Has anything been found that the exit status shall tell of? 0: no, else the status.
int exit_status_of_findings();

/// Fills the report's errors. Lends: from `collected`. Without memory there are none.
void collect_errors(Collected* collected);

/// In a forked child, which has found nothing yet.
void forget_findings();

}  // namespace heaptag::report
