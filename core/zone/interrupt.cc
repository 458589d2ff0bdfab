#include "core/zone/interrupt.h"

#include "core/base/counter.h"
#include "core/base/units.h"

namespace heaptag::zone {

namespace {

__thread uint32_t tls_depth __attribute__((tls_model("initial-exec"))) = 0;

// An address in the frame that has called the innermost handler; null: none runs.
__thread const void* tls_handler __attribute__((tls_model("initial-exec"))) = nullptr;

constinit bool handlers_are_interrupts = false;

// A handler that has left by longjmp does not come back here: its frame lies below the stack
// pointer. Handlers on an alternate stack cannot be told in this way; the next one is.
bool is_in_handler() {
  constexpr uintptr_t kStackBytes = 8 << 20;
  const auto handler = reinterpret_cast<uintptr_t>(tls_handler);
  const auto here = reinterpret_cast<uintptr_t>(__builtin_frame_address(0));
  if (handler == 0) {
    return false;
  }
  if (here > handler && here - handler < kStackBytes) {
    tls_handler = nullptr;
    return false;
  }
  return true;
}

}  // namespace

void enter_interrupt() {
  ++tls_depth;
}

bool leave_interrupt() {
  if (tls_depth == 0) {
    return false;
  }
  --tls_depth;
  return true;
}

bool is_in_interrupt() {
  return tls_depth != 0 || is_in_handler();
}

void expect_interrupts() {
  handlers_are_interrupts = true;
}

bool signals_interrupt() {
  return unlikely(read_operand(handlers_are_interrupts));
}

SignalInterrupt::SignalInterrupt() : outer_(tls_handler) {
  tls_handler = __builtin_frame_address(0);
}

SignalInterrupt::~SignalInterrupt() {
  tls_handler = outer_;
}

}  // namespace heaptag::zone
