#include "core/os/signals.h"

#include <signal.h>
#include <time.h>
#include <ucontext.h>

#include <cstring>
#include <initializer_list>

#include "core/os/kernel_sigaction.h"
#include "core/os/syscall.h"

extern "C" {
[[gnu::visibility("hidden")]] void heaptag_return_from_signal();
[[gnu::visibility("hidden")]] void heaptag_call_on_stack(void (*function)(void*),
                                                         void* context,
                                                         void* stack_end);
}

// The kernel wants the address that a handler returns to. Unwinders and debuggers know a signal
// frame by exactly these bytes where no table describes them.
__asm__(R"(
    .pushsection .text
    .p2align 4
    nop
    .globl heaptag_return_from_signal
    .hidden heaptag_return_from_signal
    .type heaptag_return_from_signal, @function
heaptag_return_from_signal:
    movq $15, %rax
    syscall
    .size heaptag_return_from_signal, . - heaptag_return_from_signal

    .p2align 4
    .globl heaptag_call_on_stack
    .hidden heaptag_call_on_stack
    .type heaptag_call_on_stack, @function
heaptag_call_on_stack:
    .cfi_startproc
    pushq %rbp
    .cfi_def_cfa_offset 16
    .cfi_offset %rbp, -16
    movq %rsp, %rbp
    .cfi_def_cfa_register %rbp
    movq %rdi, %rax
    movq %rsi, %rdi
    movq %rdx, %rsp
    call *%rax
    movq %rbp, %rsp
    popq %rbp
    .cfi_def_cfa %rsp, 8
    ret
    .cfi_endproc
    .size heaptag_call_on_stack, . - heaptag_call_on_stack
    .popsection
)");

static_assert(SYS_rt_sigreturn == 15);

namespace heaptag::os {

namespace {

template <typename T>
long address_of(T* object) {
  return reinterpret_cast<long>(object);
}

}  // namespace

namespace {

// Of the file that this is linked into.
extern "C" {
extern const char __ehdr_start[] __attribute__((visibility("hidden")));
extern const char etext[] __attribute__((visibility("hidden")));
}

constexpr uint64_t kSynchronous = bit_of(SIGSEGV) | bit_of(SIGBUS) | bit_of(SIGFPE) |
                                  bit_of(SIGILL) | bit_of(SIGTRAP) | bit_of(SIGSYS);

// What the C library keeps for itself: to cancel threads, and to change the ids of all.
constexpr uint64_t kOfLibc = bit_of(32) | bit_of(33);

constexpr int kFirstRealTime = 34;

// So many may have come while the first was on its way.
constexpr unsigned kMostBefore = 64;

// What the kernel fills of a siginfo_t.
constexpr size_t kToldBytes = 48;

ucontext_t* ucontext_of(void* context) {
  return static_cast<ucontext_t*>(context);
}

const ucontext_t* ucontext_of(const void* context) {
  return static_cast<const ucontext_t*>(context);
}

bool is_on(const stack_t& stack, uintptr_t address) {
  return address - reinterpret_cast<uintptr_t>(stack.ss_sp) < stack.ss_size;
}

// Should the signal have been for one time only, its handler is not there any more.
void install_again(KernelSigaction* action, int number, SignalHandler* entry) {
  if ((action->flags & SA_RESETHAND) != 0 && action->handler == SIG_DFL) {
    action->handler = __builtin_bit_cast(void (*)(int), entry);
    change_action(number, action, nullptr);
  }
}

// Takes the next that waits, and puts it behind the others. False when none waits.
bool rotate(int number, siginfo_t* info) {
  const uint64_t only_this = bit_of(number);
  const timespec at_once{};
  return !is_error(raw_syscall(SYS_rt_sigtimedwait, address_of(&only_this), address_of(info),
                               address_of(&at_once), sizeof(uint64_t))) &&
         !is_error(send_to_this_thread(number, info));
}

// Real-time signals of one number are delivered in the order in which they were sent: what has just
// been sent again was the first.
void move_to_front(int number, const void* sent) {
  siginfo_t info{};
  unsigned before = 0;
  while (before < kMostBefore && rotate(number, &info) &&
         std::memcmp(&info, sent, kToldBytes) != 0) {
    ++before;
  }
  for (; before != 0; --before) {
    rotate(number, &info);
  }
}

}  // namespace

KernelSigaction own_action(void (*handler)(int), uint64_t flags, uint64_t mask) {
  return {handler, flags | kFlagRestorer, heaptag_return_from_signal, mask};
}

long send_to_this_thread(int number, const void* info) {
  return raw_syscall(SYS_rt_tgsigqueueinfo, raw_syscall(SYS_getpid), raw_syscall(SYS_gettid),
                     number, reinterpret_cast<long>(info));
}

uintptr_t interrupted_pc(const void* context) {
  return static_cast<uintptr_t>(ucontext_of(context)->uc_mcontext.gregs[REG_RIP]);
}

bool is_own_code(uintptr_t pc) {
  return pc - reinterpret_cast<uintptr_t>(__ehdr_start) <
         reinterpret_cast<uintptr_t>(etext) - reinterpret_cast<uintptr_t>(__ehdr_start);
}

bool is_synchronous(int number, const void* info) {
  if ((kSynchronous & bit_of(number)) == 0) {
    return false;
  }
  KernelSigaction action{};
  change_action(number, nullptr, &action);
  return (action.flags & SA_SIGINFO) == 0 || static_cast<const siginfo_t*>(info)->si_code > 0;
}

bool send_again(SignalHandler* entry, int number, const void* info, void* context, uint64_t* mask) {
  const uint64_t blocked = ~(kSynchronous | kOfLibc);
  raw_syscall(SYS_rt_sigprocmask, SIG_BLOCK, address_of(&blocked), 0, sizeof(uint64_t));
  KernelSigaction action{};
  change_action(number, nullptr, &action);
  siginfo_t plain{};
  plain.si_signo = number;
  plain.si_code = SI_USER;
  plain.si_pid = static_cast<pid_t>(raw_syscall(SYS_getpid));
  // The kernel has told nothing to a handler that does not ask.
  const void* told = (action.flags & SA_SIGINFO) != 0 ? info : &plain;
  install_again(&action, number, entry);
  if (is_error(send_to_this_thread(number, told))) {
    return false;  // what is blocked now is not blocked any more when the handler returns
  }
  if (number >= kFirstRealTime) {
    move_to_front(number, told);
  }
  auto* restored = reinterpret_cast<uint64_t*>(&ucontext_of(context)->uc_sigmask);
  *mask = *restored;
  *restored |= blocked;
  return true;
}

void set_signal_mask(uint64_t mask) {
  raw_syscall(SYS_rt_sigprocmask, SIG_SETMASK, address_of(&mask), 0, sizeof(uint64_t));
}

uint64_t signal_mask() {
  uint64_t mask = 0;
  raw_syscall(SYS_rt_sigprocmask, SIG_BLOCK, 0, address_of(&mask), sizeof(uint64_t));
  return mask;
}

bool is_frame_gone(uintptr_t address, const void* context) {
  const stack_t& alternate = ucontext_of(context)->uc_stack;
  const auto sp = static_cast<uintptr_t>(ucontext_of(context)->uc_mcontext.gregs[REG_RSP]);
  const bool was_on_alternate = is_on(alternate, address);
  if (was_on_alternate != is_on(alternate, sp)) {
    return was_on_alternate;  // else a handler on the alternate stack has interrupted it
  }
  return sp > address;
}

bool handle_signal(int number, void (*handler)(int number)) {
  const KernelSigaction action = own_action(handler, SA_RESTART | SA_ONSTACK, kAllSignals);
  return !is_error(change_action(number, &action, nullptr));
}

SignalBlock::SignalBlock(Blocked which) {
  const uint64_t blocked = which == Blocked::kAll ? kAllSignals : bit_of(SIGPIPE) | bit_of(SIGXFSZ);
  raw_syscall(SYS_rt_sigprocmask, SIG_BLOCK, address_of(&blocked), address_of(&mask_),
              sizeof(uint64_t));
  raw_syscall(SYS_rt_sigpending, address_of(&pending_), sizeof(uint64_t));
}

SignalBlock::~SignalBlock() {
  for (const int number : {SIGPIPE, SIGXFSZ}) {
    const uint64_t only_this = bit_of(number);
    const timespec at_once{};
    if ((pending_ & only_this) == 0) {
      raw_syscall(SYS_rt_sigtimedwait, address_of(&only_this), 0, address_of(&at_once),
                  sizeof(uint64_t));
    }
  }
  raw_syscall(SYS_rt_sigprocmask, SIG_SETMASK, address_of(&mask_), 0, sizeof(uint64_t));
}

void call_on_stack(void* stack_end, void (*function)(void* context), void* context) {
  heaptag_call_on_stack(function, context, stack_end);
}

}  // namespace heaptag::os
