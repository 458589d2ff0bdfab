#include "core/zone/interrupt.h"

#include "core/base/counter.h"
#include "core/base/units.h"
#include "core/os/signals.h"

namespace heaptag::zone {

namespace {

constexpr uint32_t kMostHandlers = 8;

// Handlers that run, the innermost last; those beyond count as the last.
struct Handlers {
  uint32_t depth;
  uint8_t numbers[kMostHandlers];
  bool told_by_mask[kMostHandlers];  // was the signal blocked when the handler was called?
  uint32_t frames[kMostHandlers];    // lower half of an address in the frame that has called it
};

__thread uint32_t tls_depth __attribute__((tls_model("initial-exec"))) = 0;
__thread Handlers tls_handlers __attribute__((tls_model("initial-exec"))) = {};

constinit bool handlers_are_interrupts = false;

uint32_t this_frame() {
  return static_cast<uint32_t>(reinterpret_cast<uintptr_t>(__builtin_frame_address(0)));
}

// With SA_NODEFER the mask says nothing: then a call from above the handler's frame tells, if they
// are on one stack.
bool is_over(const Handlers& handlers, uint64_t blocked) {
  constexpr uint32_t kStackBytes = 8 << 20;
  const uint32_t last = handlers.depth - 1;
  if (handlers.told_by_mask[last]) {
    return (blocked >> (handlers.numbers[last] - 1) & 1) == 0;
  }
  return this_frame() - handlers.frames[last] - 1 < kStackBytes;
}

bool is_in_handler() {
  Handlers& handlers = tls_handlers;
  if (likely(handlers.depth == 0)) {
    return false;
  }
  const uint64_t blocked = os::signal_mask();
  while (handlers.depth != 0 && is_over(handlers, blocked)) {
    --handlers.depth;
  }
  return handlers.depth != 0;
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

SignalInterrupt::SignalInterrupt(int number) {
  Handlers& handlers = tls_handlers;
  is_in_handler();  // forgets those that have left
  depth_ = handlers.depth;
  const uint32_t place = depth_ < kMostHandlers ? depth_ : kMostHandlers - 1;
  handlers.numbers[place] = static_cast<uint8_t>(number);
  handlers.told_by_mask[place] = (os::signal_mask() >> (number - 1) & 1) != 0;
  handlers.frames[place] = this_frame();
  handlers.depth = place + 1;
}

SignalInterrupt::~SignalInterrupt() {
  tls_handlers.depth = depth_;
}

}  // namespace heaptag::zone
