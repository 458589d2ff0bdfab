#include "core/os/own_stack.h"

#include "core/base/types.h"
#include "core/os/vm.h"

namespace heaptag::os {

namespace {

constexpr size_t kStackBytes = 1024 * 1024;

// The old stack pointer waits in a register that the callee keeps. Nothing is pushed on the old
// stack: the compiler may use what lies below its pointer.
[[gnu::noinline]] void switch_and_call(void* top, void (*function)(void*), void* context) {
  __asm__ volatile(
      "movq %%rsp, %%rbx\n\t"
      "movq %[top], %%rsp\n\t"
      "call *%[function]\n\t"
      "movq %%rbx, %%rsp\n\t"
      : "+D"(context), [top] "+r"(top), [function] "+r"(function)
      :
      : "rax", "rbx", "rcx", "rdx", "rsi", "r8", "r9", "r10", "r11", "cc", "memory", "xmm0", "xmm1",
        "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12",
        "xmm13", "xmm14", "xmm15", "st");
}

}  // namespace

bool call_on_own_stack(void (*function)(void* context), void* context) {
  // The lowest page stays inaccessible: reserved, not committed.
  auto* bottom = static_cast<char*>(reserve(kStackBytes));
  if (bottom == nullptr) {
    return false;
  }
  const bool ready = commit(bottom + kPageBytes, kStackBytes - kPageBytes);
  if (ready) {
    switch_and_call(bottom + kStackBytes, function, context);
  }
  unmap(bottom, kStackBytes);
  return ready;
}

}  // namespace heaptag::os
