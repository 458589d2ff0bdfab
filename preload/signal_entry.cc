// Handlers of the program are called by one of ours, which knows what a signal has interrupted. The
// program sees its own: in what it asks for, on the stack, and in what the kernel tells a handler.
#include <signal.h>

#include "core/allocator/interruption.h"
#include "core/allocator/standing.h"
#include "preload/entry.h"
#include "preload/next.h"

namespace heaptag {

namespace {

using os::SignalHandler;

// By number. Written before the kernel knows of it, so that it is there when the signal comes;
// never taken away: a vfork child, which has our memory, sets defaults that are not its parent's.
constinit SignalHandler* handlers[NSIG]{};

// Called by the kernel. Mostly nothing of it is left on the stack when the program's handler runs.
void on_signal(int number, void* info, void* context) {
  SignalHandler* handler = read_relaxed(handlers[number]);
  if (allocator::meets_us(context)) {
    return allocator::handle_interruption(on_signal, handler, number, info, context);
  }
  handler(number, info, context);
}

SignalHandler* as_handler(sighandler_t function) {
  return __builtin_bit_cast(SignalHandler*, function);
}

sighandler_t as_function(SignalHandler* handler) {
  return __builtin_bit_cast(sighandler_t, handler);
}

bool is_function(sighandler_t handler) {
  return handler != SIG_DFL && handler != SIG_IGN && handler != SIG_ERR && handler != SIG_HOLD;
}

/// What the program sets for a signal, exchanged for ours while in scope.
class Exchange {
 public:
  Exchange(int number, sighandler_t handler) : number_(number), given_(handler) {
    is_on_ = number > 0 && number < NSIG && !allocator::stands_aside();
    before_ = is_on_ ? read_relaxed(handlers[number]) : nullptr;
    if (is_on_ && is_function(handler) && as_handler(handler) != on_signal) {
      write_relaxed(handlers[number], as_handler(handler));
      given_ = as_function(on_signal);
    }
  }

  /// To be set in its place.
  sighandler_t given() const { return given_; }

  /// What was set before, as the program knows it.
  sighandler_t known(sighandler_t old) const {
    if (as_handler(old) != on_signal) {
      return old;
    }
    return as_function(is_on_ ? before_ : read_relaxed(handlers[number_]));
  }

  void failed() const {
    if (is_on_) {
      write_relaxed(handlers[number_], before_);
    }
  }

 private:
  int number_;
  sighandler_t given_;
  SignalHandler* before_;
  bool is_on_;
};

/// signal() and its relatives.
template <FunctionName kName>
sighandler_t set_handler(int number, sighandler_t handler) {
  const Exchange exchange(number, handler);
  const sighandler_t old = call_next<kName, sighandler_t>(number, exchange.given());
  if (old == SIG_ERR) {
    exchange.failed();
  }
  return exchange.known(old);
}

}  // namespace

}  // namespace heaptag

extern "C" {

HEAPTAG_EXPORT int sigaction(int number,
                             const struct sigaction* action,
                             struct sigaction* old) noexcept {
  using namespace heaptag;
  const Exchange exchange(number, action == nullptr ? SIG_DFL : action->sa_handler);

  struct sigaction ours {};

  if (action != nullptr) {
    ours = *action;
    ours.sa_handler = exchange.given();
  }
  const int result = call_next<"sigaction", int, int, const struct sigaction*, struct sigaction*>(
      number, action == nullptr ? nullptr : &ours, old);
  if (result != 0) {
    exchange.failed();
  } else if (old != nullptr) {
    old->sa_handler = exchange.known(old->sa_handler);
  }
  return result;
}

HEAPTAG_EXPORT int __sigaction(int number,
                               const struct sigaction* action,
                               struct sigaction* old) noexcept __attribute__((alias("sigaction")));

HEAPTAG_EXPORT sighandler_t signal(int number, sighandler_t handler) noexcept {
  return heaptag::set_handler<"signal">(number, handler);
}

HEAPTAG_EXPORT sighandler_t ssignal(int number, sighandler_t handler) noexcept
    __attribute__((alias("signal")));

HEAPTAG_EXPORT sighandler_t bsd_signal(int number, sighandler_t handler) noexcept
    __attribute__((alias("signal")));

HEAPTAG_EXPORT sighandler_t sysv_signal(int number, sighandler_t handler) noexcept {
  return heaptag::set_handler<"sysv_signal">(number, handler);
}

HEAPTAG_EXPORT sighandler_t __sysv_signal(int number, sighandler_t handler) noexcept
    __attribute__((alias("sysv_signal")));

HEAPTAG_EXPORT sighandler_t sigset(int number, sighandler_t handler) noexcept {
  return heaptag::set_handler<"sigset">(number, handler);
}

}  // extern "C"
