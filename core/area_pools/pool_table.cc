#include "core/area_pools/pool_table.h"

namespace heaptag::area_pools {

namespace {

// No address has bit 63 set and the next one not.
constexpr uintptr_t kNoAddress = uintptr_t{1} << 63;
constexpr unsigned kIndexBits = 16;
constexpr uint32_t kLifeMask = 0x1fff'ffff;

static_assert(kMaxPools <= 1U << kIndexBits);

constinit Pool pools[kMaxPools] = {};
constinit os::Lock lock;
constinit uint32_t places_used = 0;  // no place from here on was ever used

uintptr_t load_id(const Pool& pool) {
  return __atomic_load_n(&pool.id, __ATOMIC_ACQUIRE);
}

}  // namespace

Pool* find_pool(PoolId id) {
  const auto number = reinterpret_cast<uintptr_t>(id);
  const uintptr_t index = number & ((uintptr_t{1} << kIndexBits) - 1);
  if ((number & kNoAddress) == 0 || index >= kMaxPools) {
    return nullptr;
  }
  Pool* pool = &pools[index];
  return load_id(*pool) == number ? pool : nullptr;
}

os::Lock& table_lock() {
  return lock;
}

Pool* free_place() {
  for (uint32_t i = 0; i < kMaxPools; ++i) {
    if (pools[i].id == 0) {
      places_used = i < places_used ? places_used : i + 1;
      const uint32_t life = pools[i].life;
      pools[i] = Pool();
      pools[i].life = life + 1;
      return &pools[i];
    }
  }
  return nullptr;
}

PoolId publish(Pool* pool) {
  const uintptr_t number = kNoAddress | uintptr_t{pool->life & kLifeMask} << kIndexBits |
                           static_cast<uintptr_t>(pool - pools);
  __atomic_store_n(&pool->id, number, __ATOMIC_RELEASE);
  return reinterpret_cast<PoolId>(number);
}

void withdraw(Pool* pool) {
  __atomic_store_n(&pool->id, 0, __ATOMIC_RELEASE);
}

Pool* pool_of_area(int32_t area) {
  uint32_t index = 0;
  for (Pool* pool = next_pool(&index); pool != nullptr; ++index, pool = next_pool(&index)) {
    if (pool->area == area) {
      return pool;
    }
  }
  return nullptr;
}

const Pool* pool_around(const void* pointer) {
  uint32_t index = 0;
  for (const Pool* pool = next_pool(&index); pool != nullptr; ++index, pool = next_pool(&index)) {
    if (pool->contains(pointer)) {
      return pool;
    }
  }
  return nullptr;
}

Pool* next_pool(uint32_t* index) {
  for (; *index < places_used; ++*index) {
    if (pools[*index].id != 0) {
      return &pools[*index];
    }
  }
  return nullptr;
}

}  // namespace heaptag::area_pools
