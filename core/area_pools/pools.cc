#include "core/area_pools/pools.h"

#include <cstring>

#include "core/area_pools/pool_lock.h"
#include "core/area_pools/pool_panic.h"

namespace heaptag::area_pools {

namespace {

// `pointer` as an offset that is no block's if it does not lie in the pool.
size_t offset_in(const Pool& pool, const void* pointer) {
  return pool.contains(pointer)
             ? static_cast<size_t>(static_cast<const uint8_t*>(pointer) - pool.begin)
             : 0;
}

// After a fault: counted, then told without the lock.
void refuse(PoolScope* scope, Fault fault, const char* call, const void* pointer) {
  Pool& pool = scope->pool();
  pool.heap.count_refused();
  scope->leave();
  tell_fault(pool, fault, call, pointer);
}

// A block of the pool was damaged while it was looked for.
void tell_if_damaged(PoolScope* scope, const char* call) {
  Pool& pool = scope->pool();
  const bool is_damaged = !pool.heap.is_good();
  scope->leave();
  if (is_damaged) {
    tell_fault(pool, Fault::kDamaged, call, nullptr);
  }
}

size_t allocate_offset(PoolScope* scope, size_t requested, const char* call) {
  const size_t offset = scope->pool().heap.allocate(requested);
  if (offset == 0) {
    tell_if_damaged(scope, call);
  }
  return offset;
}

}  // namespace

void* allocate(PoolId id, size_t requested) {
  PoolScope scope(find_pool(id), "malloc");
  if (!scope.is_open()) {
    return nullptr;
  }
  const size_t offset = allocate_offset(&scope, requested, "malloc");
  return offset == 0 ? nullptr : scope.pool().begin + offset;
}

void* allocate_zeroed(PoolId id, size_t count, size_t size) {
  size_t bytes = 0;
  const bool is_too_large = __builtin_mul_overflow(count, size, &bytes);
  PoolScope scope(find_pool(id), "calloc");
  if (!scope.is_open()) {
    return nullptr;
  }
  const size_t offset = allocate_offset(&scope, is_too_large ? SIZE_MAX : bytes, "calloc");
  if (offset == 0) {
    return nullptr;
  }
  Pool& pool = scope.pool();
  scope.leave();  // the block is ours: nobody waits for its bytes
  std::memset(pool.inside + offset, 0, bytes);
  return pool.begin + offset;
}

void* resize(PoolId id, void* pointer, size_t requested) {
  if (pointer == nullptr) {
    return allocate(id, requested);
  }
  if (requested == 0) {
    release(id, pointer);
    return nullptr;
  }
  PoolScope scope(find_pool(id), "realloc");
  if (!scope.is_open()) {
    return nullptr;
  }
  Pool& pool = scope.pool();
  const PoolHeap::Resized resized = pool.heap.resize(offset_in(pool, pointer), requested);
  if (resized.fault != Fault::kNone) {
    refuse(&scope, resized.fault, "realloc", pointer);
    return nullptr;
  }
  return resized.offset == 0 ? nullptr : pool.begin + resized.offset;
}

void release(PoolId id, void* pointer) {
  if (pointer == nullptr) {
    return;
  }
  PoolScope scope(find_pool(id), "free");
  if (!scope.is_open()) {
    return;
  }
  Pool& pool = scope.pool();
  const Fault fault = pool.heap.release(offset_in(pool, pointer));
  if (fault != Fault::kNone) {
    refuse(&scope, fault, "free", pointer);
  }
}

Status area_of(PoolId id) {
  const Pool* pool = find_pool(id);
  return pool == nullptr || pool->area <= 0 ? areas::kError : pool->area;
}

size_t offset_of(PoolId id, const void* pointer) {
  const Pool* pool = find_pool(id);
  return pool == nullptr || !pool->contains(pointer)
             ? kNowhere
             : static_cast<size_t>(static_cast<const uint8_t*>(pointer) - pool->begin);
}

void* pointer_at(PoolId id, size_t offset) {
  const Pool* pool = find_pool(id);
  return pool == nullptr || offset >= pool->shown_bytes ? nullptr : pool->begin + offset;
}

size_t usable_size(PoolId id, const void* pointer) {
  PoolScope scope(find_pool(id), "usable_size");
  size_t requested = 0;
  size_t usable = 0;
  if (scope.is_open()) {
    scope.pool().heap.find(offset_in(scope.pool(), pointer), &requested, &usable);
  }
  return usable;
}

Status check(PoolId id) {
  PoolScope scope(find_pool(id), "check");
  return scope.is_open() && scope.pool().heap.is_consistent() ? areas::kOk : areas::kError;
}

Status report(PoolId id, PoolReport* report) {
  Pool* pool = find_pool(id);
  if (pool == nullptr) {
    return areas::kError;
  }
  PoolScope scope(pool, "report");
  const PoolHeader& header = *pool->heap.header();
  const PoolHeap::Walk walk = scope.is_open() ? pool->heap.walk() : PoolHeap::Walk{};
  *report = {header.figures,     header.failed,
             header.refused,     header.repaired,
             pool->shown_bytes,  walk.free_bytes,
             walk.largest_bytes, !scope.is_open() || walk.damaged_at != 0};
  return areas::kOk;
}

}  // namespace heaptag::area_pools
