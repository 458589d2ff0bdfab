#include "preload/own_allocator.h"

#include <dlfcn.h>
#include <link.h>
#include <stdlib.h>

#include "preload/entry.h"
#include "preload/own_names.h"

// Runtimes of sanitizers, whose malloc is part of what they check; and the functions that Valgrind
// puts in the place of malloc wherever it finds one, but not of all that goes with it.
extern "C" {
void _vgr10010ZU_libcZdsoZa_malloc() __attribute__((weak));
void __asan_init() __attribute__((weak));
void __hwasan_init() __attribute__((weak));
void __lsan_init() __attribute__((weak));
void __msan_init() __attribute__((weak));
void __tsan_init() __attribute__((weak));
}

namespace heaptag {

namespace {

struct Candidate {
  const char* function;
  void* bound;  // what the loader gives everybody
  void* ours;   // null: nothing of ours has that name
};

template <typename Function>
void* address(Function* function) {
  void* result = reinterpret_cast<void*>(function);
  __asm__("" : "+r"(result));  // one alias may be another's: the compiler must not guess
  return result;
}

// An executable at fixed addresses that takes malloc's address is bound to a stub of its own, which
// leads here: it has the symbol, but does not define it.
bool is_defined_there(void* address, const char** file) {
  Dl_info info{};
  void* found = nullptr;
  if (dladdr1(address, &info, &found, RTLD_DL_SYMENT) == 0) {
    *file = "no file";
    return true;
  }
  *file = info.dli_fname;
  const auto* symbol = static_cast<const ElfW(Sym)*>(found);
  return symbol == nullptr || symbol->st_shndx != SHN_UNDEF;
}

}  // namespace

OwnAllocator find_own_allocator() {
  const Candidate candidates[] = {
      {"malloc", address(::malloc), address(heaptag_own_malloc)},
      {"free", address(::free), address(heaptag_own_free)},
      {"calloc", address(::calloc), address(heaptag_own_calloc)},
      {"realloc", address(::realloc), address(heaptag_own_realloc)},
      {"malloc", address(_vgr10010ZU_libcZdsoZa_malloc), nullptr},
      {"__asan_init", address(__asan_init), nullptr},
      {"__hwasan_init", address(__hwasan_init), nullptr},
      {"__lsan_init", address(__lsan_init), nullptr},
      {"__msan_init", address(__msan_init), nullptr},
      {"__tsan_init", address(__tsan_init), nullptr},
  };
  for (const Candidate& candidate : candidates) {
    const char* file = nullptr;
    if (candidate.bound != candidate.ours && is_defined_there(candidate.bound, &file)) {
      return {candidate.function, file};
    }
  }
  return {nullptr, nullptr};
}

}  // namespace heaptag

extern "C" __attribute__((visibility("hidden"))) bool heaptag_program_has_own_allocator() {
  return heaptag::find_own_allocator().function != nullptr;
}

// libasan refuses to start behind another library; it need not, since we hand everything on to it.
extern "C" HEAPTAG_EXPORT const char* __asan_default_options() {
  return "verify_asan_link_order=0";
}
