#include "core/report/exit_report.h"

#include "core/allocator/deferred.h"
#include "core/os/own_stack.h"
#include "core/os/process.h"
#include "core/os/signals.h"
#include "core/report/descriptor.h"
#include "core/report/findings.h"
#include "core/report/log.h"
#include "core/report/report_path.h"
#include "core/report/session.h"
#include "core/report/signal_report.h"
#include "core/report/write_report.h"

namespace heaptag::report {

namespace {

// A vfork child has our memory, not our pid.
bool is_over(const Session& state) {
  return state.is_written || os::process_id() != state.pid;
}

// A handler of a fault may end the process in the middle of one of our slow paths.
void verify_if_over(const Session& state) {
  if (!is_over(state) && allocator::may_serve()) {
    verify_at_exit();
  }
}

void write_error_report_here(void* /*context*/) {
  session.is_written = true;
  const os::SignalBlock block(os::Blocked::kOfWriting);
  const ReportTurn turn;
  if (turn.is_ours()) {
    write_report({session.report_path, "error"});
  }
}

}  // namespace

bool may_report(const Session& state) {
  if (state.report_path == nullptr || state.is_silent || is_over(state)) {
    return false;
  }
  if (!state.is_child) {
    return true;
  }
  return state.children == config::Children::kReport ||
         (state.children == config::Children::kDefault && has_pid_placeholder(state.report_path));
}

void write_error_report() {
  // Faults come on small stacks, too.
  if (may_report(session)) {
    os::call_on_own_stack(write_error_report_here, nullptr);
  }
}

void write_exit_report(int status) {
  verify_if_over(session);
  const bool is_wanted = may_report(session);
  if (!is_wanted && (!is_watching_signal() || is_over(session))) {
    return;
  }
  session.is_written = true;
  const os::SignalBlock block(os::Blocked::kOfWriting);
  const ReportTurn turn;  // also of a report that another thread writes: it shall be whole
  if (is_wanted && turn.is_ours()) {
    write_report({session.report_path, "exit", true, status});
  } else if (is_wanted) {
    log_line({"no report at exit: the one before it is still being written; who reads it?"});
  }
}

void write_report_at_exit(int status) {
  verify_if_over(session);
  if (may_report(session) && os::is_single_threaded()) {
    const MutedFindings muted;
    os::free_library_memory();
  }
  write_exit_report(status);
  const int of_findings = exit_status_of_findings();
  if (status == 0 && of_findings != 0) {
    os::flush_streams();
    os::exit_process(of_findings);
  }
}

void note_forked_child() {
  publish_process_id();
  session.is_child = true;
  after_fork_in_child();
}

}  // namespace heaptag::report
