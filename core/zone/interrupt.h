// Interrupt context, as far as a process has one: what a thread does between two calls, or, where
// that was asked for, in its signal handlers. Layer: core/zone.  Signals: safe.
// Source: Digital UNIX, malloc(9r), DESCRIPTION and CAUTIONS.
#pragma once

#include "core/base/types.h"

namespace heaptag::zone {

void enter_interrupt();

/// False when the thread was in none.
bool leave_interrupt();

bool is_in_interrupt();

/// Set before main: handlers of signals are interrupts.
void expect_interrupts();
bool signals_interrupt();

/// Around a handler of the program's: it may leave by longjmp, which the next one finds out.
class SignalInterrupt {
 public:
  SignalInterrupt();
  ~SignalInterrupt();

  SignalInterrupt(const SignalInterrupt&) = delete;
  SignalInterrupt& operator=(const SignalInterrupt&) = delete;

 private:
  const void* outer_;
};

}  // namespace heaptag::zone
