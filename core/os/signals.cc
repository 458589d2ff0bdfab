#include "core/os/signals.h"

#include <signal.h>
#include <time.h>

#include <initializer_list>

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

// As the kernel has it; libc's has another layout.
struct KernelSigaction {
  void (*handler)(int);
  uint64_t flags;
  void (*restorer)();
  uint64_t mask;
};

constexpr uint64_t kFlagRestorer = 0x04000000;
constexpr uint64_t kAllSignals = ~uint64_t{0};

constexpr uint64_t bit_of(int number) {
  return uint64_t{1} << (number - 1);
}

template <typename T>
long address_of(T* object) {
  return reinterpret_cast<long>(object);
}

}  // namespace

bool handle_signal(int number, void (*handler)(int number)) {
  const KernelSigaction action{handler, SA_RESTART | SA_ONSTACK | kFlagRestorer,
                               heaptag_return_from_signal, kAllSignals};
  return !is_error(raw_syscall(SYS_rt_sigaction, number, address_of(&action), 0, sizeof(uint64_t)));
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
