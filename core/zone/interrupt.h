// Interrupt context, as far as a process has one: what a thread does between two calls, or, where
// that was asked for, in its signal handlers. Layer: core/zone.  Signals: safe.
// Source: Digital UNIX, malloc(9r), DESCRIPTION and CAUTIONS.
#pragma once

#include "core/base/types.h"

namespace heaptag::zone {

void enter_interrupt();

/// False when the thread was in none.
bool leave_interrupt();

/// A system call, where handlers are interrupts and one has been called.
bool is_in_interrupt();

/// Set before main: handlers of signals are interrupts.
void expect_interrupts();
bool signals_interrupt();

/// Around a handler of the program's for the signal `number`. It may leave by siglongjmp: what is
/// left then is that its signal is not blocked any more.
class SignalInterrupt {
 public:
  explicit SignalInterrupt(int number);
  ~SignalInterrupt();

  SignalInterrupt(const SignalInterrupt&) = delete;
  SignalInterrupt& operator=(const SignalInterrupt&) = delete;

 private:
  uint32_t depth_;
};

}  // namespace heaptag::zone
