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

constinit char* kept = nullptr;  // by its lowest byte; null while somebody is on it

// The lowest page stays inaccessible: reserved, not committed.
char* make_stack() {
  auto* bottom = static_cast<char*>(reserve(kStackBytes));
  if (bottom != nullptr && !commit(bottom + kPageBytes, kStackBytes - kPageBytes)) {
    unmap(bottom, kStackBytes);
    return nullptr;
  }
  return bottom;
}

}  // namespace

bool keep_own_stack() {
  __atomic_store_n(&kept, make_stack(), __ATOMIC_RELEASE);
  return kept != nullptr;
}

bool call_on_own_stack(void (*function)(void* context), void* context) {
  char* mine = __atomic_exchange_n(&kept, nullptr, __ATOMIC_ACQUIRE);
  char* bottom = mine != nullptr ? mine : make_stack();
  if (bottom == nullptr) {
    return false;
  }
  switch_and_call(bottom + kStackBytes, function, context);
  if (mine != nullptr) {
    __atomic_store_n(&kept, mine, __ATOMIC_RELEASE);
  } else {
    unmap(bottom, kStackBytes);
  }
  return true;
}

}  // namespace heaptag::os
