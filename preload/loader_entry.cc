// Libraries that come and go. Their symbols are read when they are loaded (wrappers, rules of
// HEAPTAG_TAGS), and their call sites are forgotten when they are unloaded.
#include <dlfcn.h>

#include <cstring>

#include "core/allocator/standing.h"
#include "core/allocator/threads.h"
#include "core/os/loader.h"
#include "preload/entry.h"
#include "preload/next.h"

namespace heaptag {

namespace {

using Open = void*(const char*, int);
using Close = int(void*);

// The loader looks at who calls dlopen: for $ORIGIN and the search paths of that object. Called
// from here it would find us.
bool depends_on_caller(const char* file, uintptr_t caller) {
  if (std::strchr(file, '$') != nullptr) {
    return true;
  }
  return std::strchr(file, '/') == nullptr && os::may_have_search_path(caller);
}

}  // namespace

}  // namespace heaptag

extern "C" {

// A library that binds its own malloc first (RTLD_DEEPBIND) would take ours for its frees: it may
// not.
HEAPTAG_EXPORT void* dlopen(const char* file, int mode) noexcept {
  using namespace heaptag;
  Open* open = next_function<"dlopen", Open>();
  if (allocator::stands_aside()) {
    return open(file, mode);
  }
  mode &= ~RTLD_DEEPBIND;
  if (file == nullptr || depends_on_caller(file, HEAPTAG_CALLER())) {
    return open(file, mode);  // a tail call: the loader sees our caller
  }
  void* handle = open(file, mode);
  if (handle != nullptr) {
    allocator::read_loaded_modules();
  }
  return handle;
}

// The same for what comes into the namespace that is ours.
HEAPTAG_EXPORT void* dlmopen(Lmid_t space, const char* file, int mode) noexcept {
  using namespace heaptag;
  auto* open = next_function<"dlmopen", void*(Lmid_t, const char*, int)>();
  if (space == LM_ID_BASE && !allocator::stands_aside()) {
    mode &= ~RTLD_DEEPBIND;
  }
  return open(space, file, mode);  // a tail call, too
}

HEAPTAG_EXPORT int dlclose(void* handle) noexcept {
  using namespace heaptag;
  const int result = next_function<"dlclose", Close>()(handle);
  if (allocator::stands_aside()) {
    return result;
  }
  allocator::forget_unloaded_modules();
  return result;
}

}  // extern "C"
