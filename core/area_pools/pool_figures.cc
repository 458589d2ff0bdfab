#include "core/area_pools/pool_figures.h"

#include "core/base/format.h"

extern "C" {

// A tag of origin "area" with that name, and its owner; 0: none.
__attribute__((weak)) uint32_t heaptag_area_owner(const char* tag_name, const void* site);

// Allocations, frees, allocated and freed bytes as requested, the same with rounding, failed: what
// they are now. They only ever grow.
__attribute__((weak)) void heaptag_area_figures(uint32_t owner, const uint64_t figures[7]);
}

namespace heaptag::area_pools {

void make_owner(Pool* pool, uintptr_t site) {
  if (heaptag_area_owner == nullptr) {
    return;
  }
  char name[64];
  BufferSink text(name, sizeof(name));
  text.sink().put("pool ");
  text.sink().put(pool->name);
  pool->owner = heaptag_area_owner(name, reinterpret_cast<const void*>(site));
}

void show_figures(const Pool& pool) {
  if (pool.owner == 0 || heaptag_area_figures == nullptr) {
    return;
  }
  const PoolFigures& now = pool.heap.header()->figures;
  const uint64_t figures[7] = {
      now.allocations,      now.frees,        now.allocated_bytes,       now.freed_bytes,
      now.allocated_usable, now.freed_usable, pool.heap.header()->failed};
  heaptag_area_figures(pool.owner, figures);
}

void show_end(const Pool& pool) {
  if (pool.owner == 0 || heaptag_area_figures == nullptr) {
    return;
  }
  const PoolFigures& last = pool.heap.header()->figures;
  const uint64_t figures[7] = {
      last.allocations,      last.allocations,      last.allocated_bytes,      last.allocated_bytes,
      last.allocated_usable, last.allocated_usable, pool.heap.header()->failed};
  heaptag_area_figures(pool.owner, figures);
}

}  // namespace heaptag::area_pools
