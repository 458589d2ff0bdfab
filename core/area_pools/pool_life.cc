// How pools begin and end.
#include "core/area_pools/pool_figures.h"
#include "core/area_pools/pool_lock.h"
#include "core/area_pools/pool_memory.h"
#include "core/area_pools/pools.h"
#include "core/areas/areas.h"
#include "core/base/format.h"
#include "core/os/clock.h"
#include "core/os/lock.h"
#include "core/os/process.h"

namespace heaptag::area_pools {

namespace {

constinit bool is_started = false;
constinit uint32_t pools_made = 0;

// Against mistakes, not against malice: two pools never have the same.
uint64_t new_key(const Pool& pool) {
  uint64_t key = os::monotonic_ns() ^ pool.inode << 32 ^ uint64_t { os::process_id() } << 13 ^
                 reinterpret_cast<uintptr_t>(pool.inside);
  key *= 0x9e3779b97f4a7c15;
  return key ^ key >> 32;
}

// There is no argument for an address, so that none can be asked for.
bool is_possible(uint32_t* spec) {
  switch (*spec) {
    case areas::kBaseAddress:
    case areas::kRandomizedBaseAddress:
      *spec = areas::kAnyAddress;
      return true;
    case areas::kExactAddress:
    case areas::kCloneAddress:
      return false;
    default:
      return true;
  }
}

// "area_malloc 3"
struct MadeUpName {
  char text[32];

  explicit MadeUpName(uint32_t number) {
    BufferSink sink(text, sizeof(text));
    sink.sink().put("area_malloc ");
    sink.sink().put(format_decimal(number).view());
  }
};

// A pool whose area is there.
PoolId settle(Pool* pool, uintptr_t site) {
  make_owner(pool, site);
  return publish(pool);
}

// Its own area's, if this process has one; else a clone's.
int32_t area_of_our_own(int32_t area, bool* is_clone) {
  areas::AreaInfo info;
  if (areas::get_info(area, &info) != areas::kOk) {
    return areas::kError;
  }
  void* address = reinterpret_cast<void*>(info.address);
  *is_clone =
      info.team != static_cast<int32_t>(os::process_id()) || areas::area_at(address) != area;
  return *is_clone ? areas::clone(info.name, &address, areas::kAnyAddress, info.protection, area)
                   : area;
}

void end(Pool* pool) {
  withdraw(pool);
  show_end(*pool);
  stop_looking(pool);
  areas::remove(pool->area);
}

void end_all() {
  uint32_t index = 0;
  for (Pool* pool = next_pool(&index); pool != nullptr; pool = next_pool(&index)) {
    end(pool);
  }
}

}  // namespace

void start() {
  const os::LockGuard guard(table_lock());
  is_started = true;
}

void stop() {
  const os::LockGuard guard(table_lock());
  is_started = false;
  end_all();
}

PoolId create(const PoolWish& wish) {
  uint32_t spec = wish.spec;
  const os::LockGuard guard(table_lock());
  Pool* pool = is_started && is_possible(&spec) ? free_place() : nullptr;
  if (pool == nullptr) {
    return nullptr;
  }
  const MadeUpName made_up(pools_made + 1);
  void* address = nullptr;
  const areas::Status area =
      areas::create(wish.name == nullptr ? made_up.text : wish.name, &address, spec,
                    wish.size_bytes, wish.lock, wish.protection);
  if (area <= 0) {
    return nullptr;
  }
  ++pools_made;
  pool->area = area;
  if (!look_inside(pool)) {
    areas::remove(area);
    return nullptr;
  }
  pool->heap.make(pool->inside, pool->shown_bytes, new_key(*pool));
  return settle(pool, wish.site);
}

PoolId attach(int32_t area, uintptr_t site) {
  const os::LockGuard guard(table_lock());
  if (!is_started) {
    return nullptr;
  }
  if (const Pool* known = pool_of_area(area)) {
    return reinterpret_cast<PoolId>(known->id);
  }
  Pool* pool = free_place();
  bool is_clone = false;
  const int32_t own = pool == nullptr ? areas::kError : area_of_our_own(area, &is_clone);
  if (own <= 0) {
    return nullptr;
  }
  pool->area = own;
  const bool is_inside = look_inside(pool);
  if (is_inside && pool->heap.open(pool->inside, pool->shown_bytes)) {
    return settle(pool, site);
  }
  if (is_inside) {
    stop_looking(pool);
  }
  if (is_clone) {
    areas::remove(own);
  }
  return nullptr;
}

Status remove(PoolId id) {
  const os::LockGuard guard(table_lock());
  Pool* pool = find_pool(id);
  if (pool == nullptr) {
    return areas::kError;
  }
  end(pool);
  return areas::kOk;
}

Status grow(PoolId id, size_t size_bytes) {
  const os::LockGuard guard(table_lock());
  Pool* pool = find_pool(id);
  if (pool == nullptr) {
    return areas::kError;
  }
  PoolScope scope(pool, "resize_pool");
  if (!scope.is_open()) {
    return areas::kError;
  }
  measure(pool);
  // Never smaller: blocks may lie anywhere. Nor larger than we look.
  if (size_bytes < pool->shown_bytes) {
    return areas::kBadValue;
  }
  if (size_bytes > pool->mapped_bytes) {
    return areas::kError;
  }
  const areas::Status resized = areas::resize(pool->area, size_bytes);
  if (resized != areas::kOk) {
    return resized;
  }
  measure(pool);
  const size_t pool_bytes = size_t{pool->heap.header()->end} * kUnitBytes;
  return pool_bytes == size_bytes || pool->heap.grow(size_bytes) ? areas::kOk : areas::kError;
}

}  // namespace heaptag::area_pools
