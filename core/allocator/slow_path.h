// What all slow paths of an allocation begin and end with. Layer: core/allocator.
#pragma once

#include "core/allocator/blame.h"
#include "core/allocator/peak.h"
#include "core/allocator/stray.h"
#include "core/allocator/threads.h"

namespace heaptag::allocator {

/// The block that `take(thread)` gives, which has charged it, or null, which is counted here.
template <typename Take>
[[gnu::always_inline]] inline void* allocate_in_slow_path(size_t size, uintptr_t site, Take take) {
  ThreadScope scope;
  ThreadState* thread = scope.thread();
  if (thread == nullptr) {
    count_stray_failure();
    return nullptr;
  }
  BusyScope busy(thread);
  void* block = take(thread);
  if (unlikely(block == nullptr)) {
    bump(counters_of(thread, owner_of_request(thread, site, size))->failed);
    return nullptr;
  }
  publish_live(thread);
  return block;
}

}  // namespace heaptag::allocator
