// heaptag/panic.h.
#include "core/safety/panic.h"
#include "preload/entry.h"

extern "C" {

using HeaptagPanicHook = void (*)(const char* message);

HEAPTAG_EXPORT HeaptagPanicHook heaptag_set_panic_hook(HeaptagPanicHook hook) noexcept {
  return heaptag::safety::set_panic_hook(hook);
}

HEAPTAG_EXPORT const char* heaptag_panic_message() noexcept {
  return heaptag::safety::panic_message();
}

// For libheaptag-areas.so. The hook may leave by longjmp, but throws nothing.
HEAPTAG_EXPORT void heaptag_panic_(const char* message) noexcept {
  heaptag::safety::panic({message});
}

}  // extern "C"
