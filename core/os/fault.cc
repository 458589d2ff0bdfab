#include "core/os/fault.h"

#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "core/os/kernel_sigaction.h"
#include "core/os/process.h"
#include "core/os/signals.h"
#include "core/os/vm.h"

namespace heaptag::os {

namespace {

constexpr long kPageFault = 14;
constexpr long kOfWrite = 1 << 1;
constexpr long kOfExecution = 1 << 4;

// An action in two words, which are exchanged as one: handlers ask for it at any time, in any
// thread, also in a child that was forked in the middle. Of the flags, those that the kernel knows.
struct PackedAction {
  uint64_t handler_and_flags;
  uint64_t mask;
};

constexpr unsigned kFlagBits = 16;
constexpr unsigned kLowFlagBits = 3;
constexpr unsigned kHighFlagsAt = 26;
constexpr uint64_t kLowFlags = SA_NOCLDSTOP | SA_NOCLDWAIT | SA_SIGINFO;
static_assert(kLowFlags == (1 << kLowFlagBits) - 1);

PackedAction pack(const SignalAction& action) {
  const uint64_t flags = (action.flags & kLowFlags) | (action.flags >> kHighFlagsAt)
                                                          << kLowFlagBits;
  return {action.handler << kFlagBits | flags, action.mask};
}

SignalAction unpack(const PackedAction& packed) {
  const auto flags = static_cast<uint32_t>(packed.handler_and_flags & ((1U << kFlagBits) - 1));
  return {packed.handler_and_flags >> kFlagBits,
          static_cast<uint32_t>(flags & kLowFlags) | flags >> kLowFlagBits << kHighFlagsAt,
          packed.mask};
}

class alignas(16) ActionCell {
 public:
  PackedAction read() {
    PackedAction seen{0, 0};
    exchange_if(&seen, seen);
    return seen;
  }

  /// Only if *expected is there; else says what is.
  bool exchange_if(PackedAction* expected, const PackedAction& wanted) {
    bool is_done = false;
    __asm__ volatile("lock cmpxchg16b %1"
                     : "=@ccz"(is_done), "+m"(packed_), "+a"(expected->handler_and_flags),
                       "+d"(expected->mask)
                     : "b"(wanted.handler_and_flags), "c"(wanted.mask)
                     : "memory");
    return is_done;
  }

 private:
  PackedAction packed_;
};

constinit ActionCell of_segv{};
constinit ActionCell of_bus{};
constinit ActionCell of_trap{};
constinit FaultHook fault_hook = nullptr;
constinit TrapHook trap_hook = nullptr;

// The process that the cells belong to; the kernel makes it 0 in children that have a memory of
// their own.
constinit uint32_t* cells_of = nullptr;

ActionCell& cell_of(int number) {
  return number == SIGSEGV ? of_segv : number == SIGBUS ? of_bus : of_trap;
}

uintptr_t number_of(sighandler_t handler) {
  return reinterpret_cast<uintptr_t>(handler);
}

bool is_function(uintptr_t handler) {
  return handler != number_of(SIG_DFL) && handler != number_of(SIG_IGN);
}

// A child of vfork has actions of its own, in the kernel, but not a memory of its own.
bool shares_memory() {
  const uint32_t pid = process_id();
  uint32_t owner = __atomic_load_n(cells_of, __ATOMIC_RELAXED);
  if (owner == 0) {
    __atomic_store_n(cells_of, pid, __ATOMIC_RELAXED);
    owner = pid;
  }
  return owner != pid;
}

void on_fault(int number, void* info, void* context);

void (*as_kernel_handler())(int) {
  return __builtin_bit_cast(void (*)(int), &on_fault);
}

// As the kernel would tell it.
SignalAction as_kept(const SignalAction& action) {
  return {action.handler, action.flags | static_cast<uint32_t>(kFlagRestorer),
          action.mask & ~(bit_of(SIGKILL) | bit_of(SIGSTOP))};
}

// The stack is the one that the program's handler would have, and so is what becomes of a system
// call that a signal which was sent has interrupted.
bool install(int number, const SignalAction& action) {
  constexpr uint64_t kFlagsOfDefault = SA_ONSTACK | SA_RESTART;
  const uint64_t flags =
      is_function(action.handler) ? action.flags & kFlagsOfDefault : kFlagsOfDefault;
  const KernelSigaction ours = own_action(as_kernel_handler(), flags | SA_SIGINFO, kAllSignals);
  return !is_error(change_action(number, &ours, nullptr));
}

SignalAction as_action(const KernelSigaction& action) {
  return {reinterpret_cast<uintptr_t>(action.handler), static_cast<uint32_t>(action.flags),
          action.mask};
}

SignalAction exchange(int number, const SignalAction& action) {
  ActionCell& cell = cell_of(number);
  PackedAction seen = cell.read();
  while (!cell.exchange_if(&seen, pack(action))) {
  }
  return unpack(seen);
}

/// What is to be done now: an action for one time is taken away.
SignalAction take(int number) {
  ActionCell& cell = cell_of(number);
  PackedAction seen = cell.read();
  for (;;) {
    const SignalAction action = unpack(seen);
    if (!is_function(action.handler) || (action.flags & SA_RESETHAND) == 0 || shares_memory()) {
      return action;
    }
    const SignalAction rest{number_of(SIG_DFL), action.flags, action.mask};
    if (cell.exchange_if(&seen, pack(rest))) {
      install(number, rest);
      return action;
    }
  }
}

// The instruction faults again when we have returned, so that the kernel and a core file say what
// they would have said without us. A signal that was sent has to be sent again, and so has a trap,
// which comes after its instruction.
void die(const Fault& fault, const void* info) {
  const KernelSigaction standard{SIG_DFL, 0, nullptr, 0};
  change_action(fault.number, &standard, nullptr);
  if (fault.is_sent || fault.number == SIGTRAP) {
    send_to_this_thread(fault.number, info);
  }
}

void pass_on(const Fault& fault, void* info, void* context) {
  const SignalAction action = take(fault.number);
  if (is_function(action.handler)) {
    const uint64_t own = (action.flags & SA_NODEFER) != 0 ? 0 : bit_of(fault.number);
    const auto* before =
        reinterpret_cast<uint64_t*>(&static_cast<ucontext_t*>(context)->uc_sigmask);
    set_signal_mask(*before | action.mask | own);
    reinterpret_cast<SignalHandler*>(action.handler)(fault.number, info, context);
  } else if (!fault.is_sent || action.handler != number_of(SIG_IGN)) {
    die(fault, info);
  }
}

void on_fault(int number, void* info, void* context) {
  const Fault fault = read_fault(number, info, context);
  if (!fault.is_sent) {
    if (number != SIGTRAP) {
      fault_hook(fault);
    } else if (trap_hook(fault, info)) {
      return;
    }
  }
  pass_on(fault, info, context);
}

bool own(int number) {
  KernelSigaction before{};
  if (is_error(change_action(number, nullptr, &before))) {
    return false;
  }
  exchange(number, as_action(before));
  return install(number, as_action(before));
}

}  // namespace

Fault read_fault(int number, const void* info, const void* context) {
  const auto* told = static_cast<const siginfo_t*>(info);
  const auto& registers = static_cast<const ucontext_t*>(context)->uc_mcontext.gregs;
  Fault fault{};
  fault.number = number;
  // Or the kernel has found broken memory that nobody asked for just now.
  fault.is_sent = told->si_code <= 0 || (number == SIGBUS && told->si_code == BUS_MCEERR_AO);
  fault.pc = static_cast<uintptr_t>(registers[REG_RIP]);
  fault.sp = static_cast<uintptr_t>(registers[REG_RSP]);
  fault.rbp = static_cast<uintptr_t>(registers[REG_RBP]);
  if (!fault.is_sent) {
    fault.address = reinterpret_cast<uintptr_t>(told->si_addr);
    const bool is_page_fault = registers[REG_TRAPNO] == kPageFault;
    fault.is_write = is_page_fault && (registers[REG_ERR] & kOfWrite) != 0;
    fault.is_execution = is_page_fault && (registers[REG_ERR] & kOfExecution) != 0;
  }
  return fault;
}

bool own_faults(FaultHook hook) {
  auto* page = static_cast<uint32_t*>(map_pages(kPageBytes));
  if (page == nullptr || !wipe_on_fork(page, kPageBytes)) {
    return false;
  }
  *page = process_id();
  cells_of = page;
  fault_hook = hook;
  return own(SIGSEGV) && own(SIGBUS);
}

bool own_traps(TrapHook hook) {
  trap_hook = hook;
  if (!own(SIGTRAP)) {
    trap_hook = nullptr;
  }
  return trap_hook != nullptr;
}

bool owns_faults(int number) {
  return number == SIGTRAP ? trap_hook != nullptr
                           : fault_hook != nullptr && (number == SIGSEGV || number == SIGBUS);
}

bool change_fault_action(int number, const SignalAction* action, SignalAction* old) {
  const SignalAction kept = unpack(cell_of(number).read());
  if (shares_memory()) {
    const KernelSigaction wanted =
        action == nullptr ? KernelSigaction{}
                          : own_action(reinterpret_cast<void (*)(int)>(action->handler),
                                       action->flags, action->mask);
    KernelSigaction before{};
    if (is_error(change_action(number, action == nullptr ? nullptr : &wanted, &before))) {
      return false;
    }
    if (old != nullptr) {
      *old = before.handler == as_kernel_handler() ? kept : as_action(before);
    }
    return true;
  }
  const SignalAction before = action == nullptr ? kept : exchange(number, as_kept(*action));
  if (old != nullptr) {
    *old = before;
  }
  return action == nullptr || install(number, *action);
}

}  // namespace heaptag::os
