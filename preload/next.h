// The function that ours stands before. Only for what is not needed to allocate: dlsym may.
#pragma once

#include <dlfcn.h>

namespace heaptag {

/// `*cached` keeps the answer. Never null: the C library has it.
template <typename Function>
Function* next_function(const char* name, Function** cached) {
  Function* next = __atomic_load_n(cached, __ATOMIC_RELAXED);
  if (next == nullptr) {
    next = reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
    __atomic_store_n(cached, next, __ATOMIC_RELAXED);
  }
  return next;
}

}  // namespace heaptag
