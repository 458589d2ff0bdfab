// The functions of libc behind those of libheaptag-strings.so.
#include <dlfcn.h>

#include "preload/strings_call.h"

// A resolver of an IFUNC may call us before the loader has written our own addresses: null then.
#pragma weak dlsym

namespace heaptag::strings {

constinit void* found[kFunctions]{};

namespace {

constexpr const char* kNames[] = {
#define HEAPTAG_ENTRY(symbol, standard) #symbol,
#include "preload/strings_entries.def"
#undef HEAPTAG_ENTRY
};

constinit bool is_looking_up = false;

// Before another thread is there.
[[gnu::constructor]] void prepare() {
  look_up(kIndex_memcpy);
}

}  // namespace

// All at once, by the first call of the process: there is one thread then. Later the loader's lock
// might be held by somebody who waits for one that our caller holds.
[[gnu::noinline, gnu::cold]] void* look_up(Index index) {
  if (dlsym == nullptr) {
    return nullptr;
  }
  if (!__atomic_exchange_n(&is_looking_up, true, __ATOMIC_RELAXED)) {
    for (unsigned i = 0; i < kFunctions; ++i) {
      __atomic_store_n(&found[i], dlsym(RTLD_NEXT, kNames[i]), __ATOMIC_RELAXED);
    }
  }
  return __atomic_load_n(&found[index], __ATOMIC_RELAXED);
}

[[gnu::noinline, gnu::cold]] void* look_up_alone(Index index) {
  return dlsym(RTLD_NEXT, kNames[index]);
}

}  // namespace heaptag::strings
