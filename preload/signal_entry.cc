// Handlers of the program are called by ours, which know what a signal has interrupted: one entry
// for each handler, so that whoever reads an entry back by the raw system call has something that
// stands for this handler for ever. The program sees its own: in what it asks for, on the stack,
// and in what the kernel tells a handler. Where faults are looked at before, its handlers for them
// are not the kernel's matter at all (core/os/fault.h).
#include <signal.h>

#include <cstring>

#include "core/allocator/interruption.h"
#include "core/allocator/standing.h"
#include "core/os/fault.h"
#include "core/zone/interrupt.h"
#include "preload/entry.h"
#include "preload/next.h"

extern "C" {
// What entries stand for. Never changed once it is there, never taken away.
__attribute__((visibility("hidden"))) constinit heaptag::os::SignalHandler* heaptag_handlers[256]{};
__attribute__((visibility("hidden"))) extern const char heaptag_handler_entries[];
__attribute__((visibility("hidden"))) void heaptag_on_signal(int number,
                                                             void* info,
                                                             void* context,
                                                             heaptag::os::SignalHandler* handler,
                                                             heaptag::os::SignalHandler* entry);
}

// Each entry of 16 bytes says which one it is; what is common finds its handler.
__asm__(R"(
    .pushsection .text
    .p2align 4
    .globl heaptag_handler_entries
    .hidden heaptag_handler_entries
    .type heaptag_handler_entries, @function
heaptag_handler_entries:
    .cfi_startproc
    .rept 256
    .p2align 4
    leaq (%rip), %r8
    jmp heaptag_handler_common
    .endr
heaptag_handler_common:
    subq $7, %r8
    movq %r8, %rax
    leaq heaptag_handler_entries(%rip), %rcx
    subq %rcx, %rax
    shrq $1, %rax
    leaq heaptag_handlers(%rip), %rcx
    movq (%rcx,%rax), %rcx
    jmp heaptag_on_signal
    .cfi_endproc
    .size heaptag_handler_entries, . - heaptag_handler_entries
    .popsection
)");

namespace heaptag {

namespace {

using os::SignalHandler;

constexpr size_t kEntries = sizeof(heaptag_handlers) / sizeof(heaptag_handlers[0]);
constexpr size_t kEntryBytes = 16;

SignalHandler* as_handler(sighandler_t function) {
  return __builtin_bit_cast(SignalHandler*, function);
}

bool is_function(sighandler_t handler) {
  return handler != SIG_DFL && handler != SIG_IGN && handler != SIG_ERR && handler != SIG_HOLD;
}

size_t entry_of(sighandler_t handler) {
  return (reinterpret_cast<uintptr_t>(handler) -
          reinterpret_cast<uintptr_t>(heaptag_handler_entries)) /
         kEntryBytes;
}

/// The entry for a handler; the handler itself when there are too many of them.
sighandler_t exchange(sighandler_t handler) {
  if (!is_function(handler) || entry_of(handler) < kEntries || allocator::stands_aside()) {
    return handler;
  }
  for (size_t i = 0; i < kEntries; ++i) {
    SignalHandler* there = __atomic_load_n(&heaptag_handlers[i], __ATOMIC_RELAXED);
    if (there == nullptr &&
        __atomic_compare_exchange_n(&heaptag_handlers[i], &there, as_handler(handler), false,
                                    __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
      there = as_handler(handler);
    }
    if (there == as_handler(handler)) {
      return reinterpret_cast<sighandler_t>(reinterpret_cast<uintptr_t>(heaptag_handler_entries) +
                                            i * kEntryBytes);
    }
  }
  return handler;
}

/// What an entry stands for.
sighandler_t known(sighandler_t handler) {
  const size_t entry = entry_of(handler);
  return entry < kEntries ? __builtin_bit_cast(sighandler_t, heaptag_handlers[entry]) : handler;
}

/// sigaction() for what is not the kernel's matter.
bool change_kept(int number, const struct sigaction* action, struct sigaction* old) {
  os::SignalAction wanted{};
  os::SignalAction before{};
  if (action != nullptr) {
    wanted.handler = reinterpret_cast<uintptr_t>(exchange(action->sa_handler));
    wanted.flags = static_cast<uint32_t>(action->sa_flags);
    std::memcpy(&wanted.mask, &action->sa_mask, sizeof(wanted.mask));
  }
  if (!os::change_fault_action(number, action == nullptr ? nullptr : &wanted, &before)) {
    return false;
  }
  if (old != nullptr) {
    old->sa_handler = known(reinterpret_cast<sighandler_t>(before.handler));
    old->sa_flags = static_cast<int>(before.flags);
    sigemptyset(&old->sa_mask);
    std::memcpy(&old->sa_mask, &before.mask, sizeof(before.mask));
  }
  return true;
}

/// signal(), whose handlers block their own signal, or one of its relatives.
sighandler_t set_kept(int number, sighandler_t handler, int flags) {
  struct sigaction action {};

  struct sigaction old {};

  action.sa_handler = handler;
  action.sa_flags = flags;
  if (flags == SA_RESTART) {
    sigaddset(&action.sa_mask, number);
  }
  return change_kept(number, &action, &old) ? old.sa_handler : SIG_ERR;
}

/// sigset() says whether the signal was blocked, and changes that.
sighandler_t set_kept_and_mask(int number, sighandler_t handler) {
  struct sigaction before {};

  sigset_t this_one;
  sigset_t blocked;
  sigemptyset(&this_one);
  sigaddset(&this_one, number);
  if (handler == SIG_HOLD) {
    change_kept(number, nullptr, &before);
    sigprocmask(SIG_BLOCK, &this_one, &blocked);
  } else {
    before.sa_handler = set_kept(number, handler, 0);
    sigprocmask(SIG_UNBLOCK, &this_one, &blocked);
  }
  return sigismember(&blocked, number) == 1 ? SIG_HOLD : before.sa_handler;
}

/// signal() and its relatives; `flags` as they set them.
template <FunctionName kName>
sighandler_t set_handler(int number, sighandler_t handler, int flags) {
  return os::owns_faults(number) && handler != SIG_ERR
             ? set_kept(number, handler, flags)
             : known(call_next<kName, sighandler_t>(number, exchange(handler)));
}

// HEAPTAG_OSF_INTR_SIGNALS.
void call_as_interrupt(
    int number, void* info, void* context, SignalHandler* handler, SignalHandler* entry) {
  const zone::SignalInterrupt interrupt(number);
  if (allocator::meets_us(context)) {
    allocator::handle_interruption(entry, handler, number, info, context);
  } else {
    handler(number, info, context);
  }
}

}  // namespace

}  // namespace heaptag

// Mostly nothing of it is left on the stack when the program's handler runs.
extern "C" void heaptag_on_signal(int number,
                                  void* info,
                                  void* context,
                                  heaptag::os::SignalHandler* handler,
                                  heaptag::os::SignalHandler* entry) {
  if (heaptag::zone::signals_interrupt()) {
    return heaptag::call_as_interrupt(number, info, context, handler, entry);
  }
  if (heaptag::allocator::meets_us(context)) {
    return heaptag::allocator::handle_interruption(entry, handler, number, info, context);
  }
  handler(number, info, context);
}

extern "C" {

HEAPTAG_EXPORT int sigaction(int number,
                             const struct sigaction* action,
                             struct sigaction* old) noexcept {
  using namespace heaptag;
  if (os::owns_faults(number)) {
    return change_kept(number, action, old) ? 0 : -1;
  }

  struct sigaction ours {};

  if (action != nullptr) {
    ours = *action;
    ours.sa_handler = exchange(action->sa_handler);
  }
  const int result = call_next<"sigaction", int, int, const struct sigaction*, struct sigaction*>(
      number, action == nullptr ? nullptr : &ours, old);
  if (result == 0 && old != nullptr) {
    old->sa_handler = known(old->sa_handler);
  }
  return result;
}

HEAPTAG_EXPORT int __sigaction(int number,
                               const struct sigaction* action,
                               struct sigaction* old) noexcept __attribute__((alias("sigaction")));

HEAPTAG_EXPORT sighandler_t signal(int number, sighandler_t handler) noexcept {
  return heaptag::set_handler<"signal">(number, handler, SA_RESTART);
}

HEAPTAG_EXPORT sighandler_t ssignal(int number, sighandler_t handler) noexcept
    __attribute__((alias("signal")));

HEAPTAG_EXPORT sighandler_t bsd_signal(int number, sighandler_t handler) noexcept
    __attribute__((alias("signal")));

HEAPTAG_EXPORT sighandler_t sysv_signal(int number, sighandler_t handler) noexcept {
  return heaptag::set_handler<"sysv_signal">(number, handler,
                                             static_cast<int>(SA_RESETHAND | SA_NODEFER));
}

HEAPTAG_EXPORT sighandler_t __sysv_signal(int number, sighandler_t handler) noexcept
    __attribute__((alias("sysv_signal")));

HEAPTAG_EXPORT sighandler_t sigset(int number, sighandler_t handler) noexcept {
  using namespace heaptag;
  return os::owns_faults(number) && handler != SIG_ERR
             ? set_kept_and_mask(number, handler)
             : known(call_next<"sigset", sighandler_t>(number, exchange(handler)));
}

}  // extern "C"
