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
};

__thread uint32_t tls_depth __attribute__((tls_model("initial-exec"))) = 0;
__thread Handlers tls_handlers __attribute__((tls_model("initial-exec"))) = {};

constinit bool handlers_are_interrupts = false;

bool is_over(const Handlers& handlers, uint64_t blocked) {
  const uint32_t last = handlers.depth - 1;
  return handlers.told_by_mask[last] && (blocked >> (handlers.numbers[last] - 1) & 1) == 0;
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
  handlers.depth = place + 1;
}

SignalInterrupt::~SignalInterrupt() {
  tls_handlers.depth = depth_;
}

}  // namespace heaptag::zone
