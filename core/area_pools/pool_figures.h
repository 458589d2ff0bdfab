// A pool's figures in heaptag's reports, where libheaptag.so is in the process. Layer:
// core/area_pools.
//
// The figures of a pool that processes share are those of the whole pool, as of the last call in
// this process.
#pragma once

#include "core/area_pools/pool_table.h"

namespace heaptag::area_pools {

/// The pool is a tag of its own, "pool NAME", charged to whoever made it.
void make_owner(Pool* pool, uintptr_t site);

/// The caller has the pool's lock.
void show_figures(const Pool& pool);

/// The process has the pool no more: nothing in it is in use.
void show_end(const Pool& pool);

}  // namespace heaptag::area_pools
