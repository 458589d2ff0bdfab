#include "core/report/signal_report.h"

#include "core/allocator/deferred.h"
#include "core/os/clock.h"
#include "core/os/lock.h"
#include "core/os/process.h"
#include "core/os/signals.h"
#include "core/os/vm.h"
#include "core/report/findings.h"
#include "core/report/session.h"
#include "core/report/write_report.h"

namespace heaptag::report {

namespace {

using allocator::deferred;

// Nothing waits longer for a report that somebody else writes, into a pipe that is full perhaps.
constexpr uint64_t kPatienceNs = 5'000'000'000;

struct State {
  os::Lock turn;
  bool fork_has_turn;
  char* stack_end;  // of the stack for whoever has the turn; null: no signal is watched
  // A forked child that got the signal before its fork handlers could tell us who it is.
  uint32_t child;
  uint32_t child_asked;
};

constinit State state{};

bool take_request() {
  uint32_t waiting = read_relaxed(deferred.waiting);
  while (waiting != 0 && !__atomic_compare_exchange_n(&deferred.waiting, &waiting, waiting - 1,
                                                      false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED)) {
  }
  return waiting != 0;
}

void write_requested(void* /*context*/) {
  while (take_request()) {
    write_report({session.signal_path, "signal"});
  }
}

// Whoever has the turn looks again after it has given it back: no request is left behind.
void serve() {
  while (__atomic_load_n(&deferred.waiting, __ATOMIC_SEQ_CST) != 0 && !state.turn.is_held()) {
    verify_now();  // not with the turn: an error may end the process, with a report of its own
    const os::SignalBlock block(os::Blocked::kAll);
    if (state.turn.try_acquire()) {
      os::call_on_stack(state.stack_end, write_requested, nullptr);
      state.turn.release();
    }
  }
}

// A vfork child does the same, in the memory of its parent: nobody will ask for its number.
void note_for_child(uint32_t pid) {
  if (state.child != pid) {
    state.child = pid;
    state.child_asked = 0;
  }
  ++state.child_asked;
}

void on_signal(int /*number*/) {
  const uint32_t pid = os::process_id();
  if (pid != session.pid) {
    note_for_child(pid);
    return;
  }
  __atomic_fetch_add(&deferred.waiting, 1, __ATOMIC_SEQ_CST);
  if (allocator::may_serve()) {
    serve();
  }
}

// With a page before it that nobody may touch.
bool make_stack() {
  char* pages = static_cast<char*>(os::reserve(os::kPageBytes + kReportStackBytes));
  if (pages == nullptr || !os::commit(pages + os::kPageBytes, kReportStackBytes)) {
    return false;
  }
  state.stack_end = pages + os::kPageBytes + kReportStackBytes;
  return true;
}

}  // namespace

bool watch_signal(int number) {
  if (!make_stack()) {
    return false;
  }
  deferred.serve = serve;
  return os::handle_signal(number, on_signal);
}

bool is_watching_signal() {
  return state.stack_end != nullptr;
}

ReportTurn::ReportTurn() : is_ours_(state.turn.acquire_within(kPatienceNs)) {}

ReportTurn::~ReportTurn() {
  if (is_ours_) {
    state.turn.release();
    serve();
  }
}

void prepare_fork() {
  allocator::begin_quiet();
  state.fork_has_turn = state.turn.acquire_within(kPatienceNs);
}

void after_fork_in_parent() {
  if (state.fork_has_turn) {
    state.turn.release();
  }
  allocator::end_quiet();
}

void after_fork_in_child() {
  state.turn.reset_after_fork();
  const uint32_t pid = os::process_id();
  __atomic_store_n(&deferred.waiting, 0, __ATOMIC_SEQ_CST);
  // From here on the signal is told as ours: what came before is in child_asked.
  __atomic_store_n(&session.pid, pid, __ATOMIC_SEQ_CST);
  if (state.child == pid) {
    __atomic_fetch_add(&deferred.waiting, state.child_asked, __ATOMIC_SEQ_CST);
  }
  allocator::end_quiet();
}

}  // namespace heaptag::report
