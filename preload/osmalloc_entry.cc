// heaptag/osmalloc.h. The handles are addresses of tags, to be believed by nobody.
#include <errno.h>

#include "core/zone/osmalloc.h"
#include "preload/entry.h"
#include "preload/include/heaptag/osmalloc.h"

namespace {

namespace zone = heaptag::zone;

zone::OsTag* tag_of(OSMallocTag handle) {
  return reinterpret_cast<zone::OsTag*>(handle);
}

OSMallocTag handle_of(zone::OsTag* tag) {
  return reinterpret_cast<OSMallocTag>(tag);
}

template <typename T>
T* or_no_memory(T* result) {
  if (result == nullptr) {
    errno = ENOMEM;
  }
  return result;
}

}  // namespace

extern "C" {

HEAPTAG_EXPORT OSMallocTag OSMalloc_Tagalloc(const char* name, uint32_t flags) {
  return or_no_memory(handle_of(zone::os_tag_alloc(name, flags, HEAPTAG_CALLER())));
}

HEAPTAG_EXPORT void OSMalloc_Tagfree(OSMallocTag handle) {
  zone::os_tag_free(tag_of(handle));
}

HEAPTAG_EXPORT void* OSMalloc(uint32_t size, OSMallocTag handle) {
  return or_no_memory(
      zone::os_malloc(size, tag_of(handle), zone::OsCall::kMalloc, HEAPTAG_CALLER()));
}

HEAPTAG_EXPORT void* OSMalloc_noblock(uint32_t size, OSMallocTag handle) {
  return or_no_memory(
      zone::os_malloc(size, tag_of(handle), zone::OsCall::kNoblock, HEAPTAG_CALLER()));
}

HEAPTAG_EXPORT void* OSMalloc_nowait(uint32_t size, OSMallocTag handle) {
  return or_no_memory(
      zone::os_malloc(size, tag_of(handle), zone::OsCall::kNowait, HEAPTAG_CALLER()));
}

HEAPTAG_EXPORT void OSFree(void* block, uint32_t size, OSMallocTag handle) {
  zone::os_free(block, size, tag_of(handle), HEAPTAG_CALLER());
}

HEAPTAG_EXPORT uint32_t OSMalloc_size(void* block) {
  return zone::os_malloc_size(block);
}

HEAPTAG_EXPORT int heaptag_osmalloc_get_stats(OSMallocTag handle,
                                              struct heaptag_osmalloc_stats* stats) {
  zone::OsFigures figures;
  if (stats == nullptr || !zone::os_figures(tag_of(handle), &figures)) {
    return -1;
  }
  const heaptag::wire::AccountRecord& account = *figures.account;
  *stats = {};
  stats->count = figures.count;
  stats->state = figures.state;
  stats->attr = figures.attributes;
  __builtin_memcpy(stats->name, figures.name, sizeof(stats->name));
  stats->frees = heaptag::read_relaxed(account.frees);
  stats->allocations = heaptag::read_relaxed(account.allocations);
  stats->live_blocks = stats->allocations - stats->frees;
  stats->live_bytes = heaptag::read_relaxed(account.live_bytes);
  stats->usable_bytes = heaptag::read_relaxed(account.live_usable);
  stats->allocated_bytes = heaptag::read_relaxed(account.allocated_bytes);
  stats->failed = heaptag::read_relaxed(account.failed);
  stats->wire_failures = heaptag::read_relaxed(account.wire_failures);
  return 0;
}

HEAPTAG_EXPORT OSMallocTag heaptag_osmalloc_next_tag(OSMallocTag after) {
  return handle_of(zone::os_next_tag(tag_of(after)));
}

}  // extern "C"
