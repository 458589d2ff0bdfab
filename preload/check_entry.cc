// What libheaptag-strings.so asks before it lets the C library touch memory.
#include "core/allocator/access_check.h"
#include "preload/entry.h"

extern "C" {

// Will [address, address + size) be read or written within one block? `entry` is the
// __builtin_frame_address(0) of the function that the program has called; null: it has called us.
HEAPTAG_EXPORT void heaptag_check_access(const void* address,
                                         size_t size,
                                         int is_write,
                                         const void* entry) noexcept {
  using namespace heaptag::allocator;
  const auto begin = reinterpret_cast<uintptr_t>(address);
  uintptr_t end;
  if (size == 0) {
    return;
  }
  if (__builtin_add_overflow(begin, size, &end)) {
    end = UINTPTR_MAX;
  }
  const void* frame = entry == nullptr ? __builtin_frame_address(0) : entry;
  check_access({begin, end, is_write != 0, static_cast<const EntryFrame*>(frame)});
}

}  // extern "C"
