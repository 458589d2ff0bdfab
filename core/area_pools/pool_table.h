// The pools that this process has, and the numbers that programs know them by. Layer:
// core/area_pools.  Allocates: no.
#pragma once

#include "core/area_pools/pool_heap.h"
#include "core/os/lock.h"

namespace heaptag::area_pools {

/// What a program holds. It looks like a pointer and is none: it lies where no address can be, and
/// is never used again for another pool.
using PoolId = const void*;

inline constexpr uint32_t kMaxPools = 4096;

struct Pool {
  uintptr_t id = 0;   // 0: no pool
  uint32_t life = 0;  // how many pools have been here
  int32_t area = 0;
  uint8_t* begin = nullptr;   // where the program sees it
  uint8_t* inside = nullptr;  // where we do, readable and writable whatever the program may
  size_t mapped_bytes = 0;    // at `inside`; as far as the area may grow
  size_t shown_bytes = 0;     // of the area, when we last looked
  uint64_t inode = 0;         // of its memory
  uint32_t owner = 0;         // for heaptag's reports; 0: none
  PoolHeap heap;
  char name[32] = {};

  bool contains(const void* pointer) const {
    return static_cast<size_t>(static_cast<const uint8_t*>(pointer) - begin) < shown_bytes;
  }
};

/// The pool with this id; null when there is none. Lock-free; whoever deletes pools has to see to
/// it that nobody uses them.
Pool* find_pool(PoolId id);

/// Held while pools are made and deleted; outside of the locks of pools and of areas' registry.
os::Lock& table_lock();

// What follows is for callers that have it.

/// A place for one more, without an id; null when the table is full.
Pool* free_place();

/// From here on it is found. Returns its id.
PoolId publish(Pool* pool);

/// Nobody finds it any more; what it says stays until the place is used again.
void withdraw(Pool* pool);

/// The pool of an area of this process; null when there is none.
Pool* pool_of_area(int32_t area);

/// The pool that an address of the program lies in; null when it lies in none.
const Pool* pool_around(const void* pointer);

/// The first with an index of `*index` or more, whose index is then there; null behind the last.
Pool* next_pool(uint32_t* index);

}  // namespace heaptag::area_pools
