// What libheaptag-areas.so tells of its pools: each is a tag in the reports of the process.
#include "core/allocator/deferred.h"
#include "core/allocator/stray.h"
#include "core/allocator/threads.h"
#include "core/tag/owners.h"
#include "core/tag/tags.h"
#include "preload/entry.h"

extern "C" {

// A tag, and its only owner: `site` is who has made the pool. 0: no memory.
HEAPTAG_EXPORT uint32_t heaptag_area_owner(const char* name, const void* site) noexcept {
  using namespace heaptag;
  const allocator::QuietScope quiet;
  if (!allocator::prepare_heap()) {
    return 0;
  }
  const TagId tag = tag::new_tag(name, wire::TagOrigin::kArea);
  const OwnerId owner = tag == TagId::kNone
                            ? OwnerId::kNone
                            : tag::owner_of_pair(reinterpret_cast<uintptr_t>(site), tag);
  // What is shared cannot be set.
  return tag != TagId::kNone && !tag::is_shared_tag(tag) && owner != tag::kOverflowOwner &&
                 allocator::prepare_stray(owner)
             ? index_of(owner)
             : 0;
}

// Allocations, frees, allocated bytes, freed bytes, usable bytes allocated, freed, failures so far.
// One thread at a time for an owner.
HEAPTAG_EXPORT void heaptag_area_figures(uint32_t owner, const uint64_t figures[7]) noexcept {
  using namespace heaptag;
  if (owner != 0) {
    allocator::set_shared_figures(OwnerId{owner}, {figures[0], figures[1], figures[2], figures[3],
                                                   figures[4], figures[5], figures[6], 0});
  }
}

}  // extern "C"
