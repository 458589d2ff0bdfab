#include "core/allocator/deferred.h"

#include "core/allocator/thread_state.h"
#include "core/os/signals.h"
#include "core/os/thread_hooks.h"

namespace heaptag::allocator {

constinit Deferred deferred{};
__thread uint32_t tls_quiet __attribute__((tls_model("initial-exec"))) = 0;

namespace {

__thread bool tls_signals_wait __attribute__((tls_model("initial-exec"))) = false;
__thread bool tls_cancellation_waits __attribute__((tls_model("initial-exec"))) = false;
__thread uint64_t tls_mask __attribute__((tls_model("initial-exec"))) = 0;  // to be restored

using SetCancelType = int (*)(int type, int* old_type);
constinit SetCancelType set_cancel_type = nullptr;

// The outermost count that is not over.
uint32_t* open_count() {
  return (tls_state->busy & ~kWaits) != 0 ? &tls_state->busy
         : (tls_quiet & ~kWaits) != 0     ? &tls_quiet
                                          : nullptr;
}

}  // namespace

void note_waiting_signals(uint64_t mask) {
  tls_mask = mask;
  tls_signals_wait = true;
  *open_count() |= kWaits;
}

void expect_cancellation(int (*set)(int type, int* old_type)) {
  set_cancel_type = set;
  __atomic_store_n(&deferred.cancels_at_once, 1, __ATOMIC_RELEASE);
}

void put_off_cancellation(uint32_t* count) {
  if (tls_cancellation_waits) {
    if (open_count() == nullptr) {
      *count |= kWaits;  // left from a slow path that a handler has jumped out of
    }
    return;
  }
  int old_type = os::kCancelDeferred;
  if (set_cancel_type(os::kCancelDeferred, &old_type) == 0 && old_type == os::kCancelAtOnce) {
    tls_cancellation_waits = true;
    *count |= kWaits;
  }
}

void let_in(uint32_t* count) {
  if (*count != kWaits) {
    return;
  }
  *count = 0;
  if (uint32_t* around = open_count(); around != nullptr) {
    *around |= kWaits;
    return;
  }
  const bool signals = tls_signals_wait;
  const bool cancellation = tls_cancellation_waits;
  tls_signals_wait = false;
  tls_cancellation_waits = false;
  if (cancellation) {
    int old_type;
    set_cancel_type(os::kCancelAtOnce, &old_type);  // may be the end of the thread
  }
  if (signals) {
    os::set_signal_mask(tls_mask);  // their handlers may never come back
  }
}

bool may_serve() {
  return ((tls_state->busy | tls_quiet) & ~kWaits) == 0;
}

SlowPathsLeft::SlowPathsLeft()
    : state_(tls_state), busy_(tls_state->busy & ~kWaits), quiet_(tls_quiet & ~kWaits) {
  const uint32_t waits = (tls_state->busy | tls_quiet) & kWaits;
  tls_state->busy = 0;
  tls_quiet = 0;
  if (waits != 0) {
    uint32_t last = kWaits;
    let_in(&last);
  }
}

SlowPathsLeft::~SlowPathsLeft() {
  state_->busy = busy_;
  tls_quiet = quiet_;
}

void serve_waiting() {
  if (deferred.serve != nullptr && may_serve()) {
    deferred.serve();
  }
}

}  // namespace heaptag::allocator
