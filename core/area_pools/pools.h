// The area_malloc module: pools of memory in areas, of this process and of others that share them.
// preload/area_malloc_entry.cc hands them to programs. Layer: core/area_pools.  Allocates: no.
// errno: never touched.  Signals: unsafe; a call from a handler that would wait for its own thread
// gives nothing.  Threads: safe, but for using a pool while it is deleted.
#pragma once

#include "core/area_pools/pool_table.h"
#include "core/areas/codes.h"

namespace heaptag::area_pools {

using areas::Status;

/// The module is in use: pools can be made. It is used no more: those that are left are deleted.
void start();
void stop();

struct PoolWish {
  const char* name;  // of the area; null: one that is made up
  uint32_t spec;
  size_t size_bytes;
  uint32_t lock;
  uint32_t protection;
  uintptr_t site;  // who asks, for reports
};

/// Null when the area or the pool cannot be made.
PoolId create(const PoolWish& wish);

/// The pool in an area that another process has made, or in a clone of it that this one has.
PoolId attach(int32_t area, uintptr_t site);

/// kOk, or kError: there is no such pool.
Status remove(PoolId id);

void* allocate(PoolId id, size_t requested);
void* allocate_zeroed(PoolId id, size_t count, size_t size);
void* resize(PoolId id, void* pointer, size_t requested);
void release(PoolId id, void* pointer);

/// kError without such a pool.
Status area_of(PoolId id);

/// From the pool's first byte, the same in each process; kNowhere for a pointer to elsewhere.
inline constexpr size_t kNowhere = ~size_t{0};
size_t offset_of(PoolId id, const void* pointer);

/// Null when the pool is not that large.
void* pointer_at(PoolId id, size_t offset);

/// Bytes of a block that may be written; 0 when it is none of the pool's.
size_t usable_size(PoolId id, const void* pointer);

/// Makes the area larger, and the pool with it.
Status grow(PoolId id, size_t size_bytes);

/// kOk: everything in the pool is as it should be. kError: no such pool, or it is damaged.
Status check(PoolId id);

struct PoolReport {
  PoolFigures figures;
  uint64_t failed;
  uint64_t refused;
  uint64_t repaired;
  uint64_t size_bytes;
  uint64_t free_bytes;
  uint64_t largest_free_bytes;
  bool is_damaged;
};

Status report(PoolId id, PoolReport* report);

}  // namespace heaptag::area_pools
