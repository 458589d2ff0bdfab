// From the first allocation to the last report. The allocator itself needs nothing of this:
// zero-filled storage is its first state, and it makes itself ready when it is first called, by the
// loader, long before main.
//
// Phases: cold (before the constructor) -> serving, or aside. The constructor comes first of all
// (-z initfirst) and does what needs libc: fork handlers before anybody else's, a thread key among
// the first, the options, and, when a report is asked for, the exit handler that runs last.
#include "core/allocator/standing.h"
#include "core/allocator/threads.h"
#include "core/os/thread_hooks.h"
#include "core/report/exit_report.h"
#include "core/report/findings.h"
#include "core/report/signal_report.h"
#include "core/report/start.h"
#include "preload/own_allocator.h"

namespace heaptag {

namespace {

void prepare_fork() {
  report::verify_now();
  report::prepare_fork();
  allocator::prepare_fork();
}

void after_fork_in_parent() {
  allocator::after_fork_in_parent();
  report::after_fork_in_parent();
}

void after_fork_in_child() {
  report::forget_findings();  // what the parent was telling is not told here
  allocator::after_fork_in_child();
  report::note_forked_child();
}

__attribute__((constructor)) void start(int argc, char** argv, char** environment) {
  if (allocator::stands_aside()) {
    const OwnAllocator own = find_own_allocator();
    report::start_aside(argc, argv, environment, own.function, own.file);
    return;
  }
  os::watch_forks(prepare_fork, after_fork_in_parent, after_fork_in_child);
  if (os::watch_thread_ends(allocator::thread_ending)) {
    allocator::set_thread_hook([](allocator::ThreadState* /*thread*/) { os::watch_this_thread(); });
  }
  report::start(argc, argv, environment);
}

}  // namespace

}  // namespace heaptag
