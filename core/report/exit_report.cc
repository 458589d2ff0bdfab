#include "core/report/exit_report.h"

#include "core/os/process.h"
#include "core/os/signals.h"
#include "core/report/descriptor.h"
#include "core/report/report_path.h"
#include "core/report/session.h"
#include "core/report/write_report.h"

namespace heaptag::report {

bool may_report(const Session& state) {
  if (state.report_path == nullptr || state.is_silent || state.is_written ||
      os::process_id() != state.pid) {  // a vfork child has our memory, not our pid
    return false;
  }
  if (!state.is_child) {
    return true;
  }
  return state.children == config::Children::kReport ||
         (state.children == config::Children::kDefault && has_pid_placeholder(state.report_path));
}

void write_exit_report(int status) {
  if (may_report(session)) {
    session.is_written = true;
    const os::SignalBlock block(os::Blocked::kOfWriting);
    write_report({session.report_path, "exit", true, status});
  }
}

void write_report_at_exit(int status) {
  if (may_report(session) && os::is_single_threaded()) {
    os::free_library_memory();
  }
  write_exit_report(status);
}

void note_forked_child() {
  publish_process_id();
  session.pid = os::process_id();
  session.is_child = true;
}

}  // namespace heaptag::report
