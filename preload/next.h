// The function that ours stands before: what the program would have called without us. Only for
// what is not needed to allocate: dlsym may.
#pragma once

#include <dlfcn.h>
#include <stddef.h>

namespace heaptag {

/// A function's name as an argument of templates.
template <size_t kBytes>
struct FunctionName {
  constexpr FunctionName(const char (&name)[kBytes]) {
    for (size_t i = 0; i < kBytes; ++i) {
      text[i] = name[i];
    }
  }

  char text[kBytes]{};
};

void* look_up_next(const char* name);

/// Looked up once. Never null for what the C library has, and for what a caller of ours was linked
/// against; else for calls that dlsym itself makes meanwhile.
template <FunctionName kName, typename Function>
Function* next_function() {
  static constinit Function* cached = nullptr;
  Function* next = __atomic_load_n(&cached, __ATOMIC_RELAXED);
  if (__builtin_expect(next == nullptr, 0)) {
    next = reinterpret_cast<Function*>(look_up_next(kName.text));
    __atomic_store_n(&cached, next, __ATOMIC_RELAXED);
  }
  return next;
}

/// The same, with the types of the arguments that are given. Does nothing for a call that the
/// search itself has made: a message is lost.
template <FunctionName kName, typename Result, typename... Arguments>
[[gnu::always_inline]] inline Result call_next(Arguments... arguments) {
  auto* next = next_function<kName, Result(Arguments...)>();
  return __builtin_expect(next != nullptr, 1) ? next(arguments...) : Result();
}

}  // namespace heaptag
