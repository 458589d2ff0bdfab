#include "core/area_pools/pool_lock.h"

#include "core/area_pools/pool_figures.h"
#include "core/area_pools/pool_memory.h"
#include "core/area_pools/pool_panic.h"

namespace heaptag::area_pools {

PoolScope::PoolScope(Pool* pool, const char* call) : pool_(pool), call_(call) {
  if (pool == nullptr) {
    return;
  }
  PoolHeader* header = pool->heap.header();
  const os::SharedLock::Taken taken = header->lock.acquire();
  if (taken == os::SharedLock::Taken::kNot) {
    tell_reentry(*pool, call);
    return;
  }
  // Another process may have made it larger, or have died in the middle of that.
  if (taken == os::SharedLock::Taken::kFromTheDead ||
      size_t{header->end} * kUnitBytes > pool->shown_bytes) {
    measure(pool);
  }
  is_open_ = pool->heap.begin();
  if (!is_open_) {
    header->lock.release();
  }
}

void PoolScope::leave() {
  if (!is_open_) {
    return;
  }
  is_open_ = false;
  show_figures(*pool_);
  // A pool that is bad is told of otherwise.
  const bool met_stray_write = pool_->heap.take_stray_write() && pool_->heap.is_good();
  pool_->heap.end();
  pool_->heap.header()->lock.release();
  if (met_stray_write) {
    tell_stray_write(*pool_, call_);
  }
}

}  // namespace heaptag::area_pools
