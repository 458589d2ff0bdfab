#include "core/zone/map_once.h"

#include "core/allocator/deferred.h"
#include "core/base/units.h"
#include "core/meta/meta_allocator.h"
#include "core/os/vm.h"

namespace heaptag::zone {

void* map_once(void** place, size_t size_bytes) {
  void* there = __atomic_load_n(place, __ATOMIC_ACQUIRE);
  if (likely(there != nullptr)) {
    return there;
  }
  const allocator::QuietScope quiet;
  const size_t bytes = align_up(size_bytes, os::kPageBytes);
  void* pages = os::map_pages(bytes);
  if (pages == nullptr) {
    return nullptr;
  }
  if (!__atomic_compare_exchange_n(place, &there, pages, false, __ATOMIC_ACQ_REL,
                                   __ATOMIC_ACQUIRE)) {
    os::unmap(pages, bytes);  // another thread was first
    return there;
  }
  meta::count_mapped(bytes);
  return pages;
}

}  // namespace heaptag::zone
