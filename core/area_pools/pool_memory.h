// The area behind a pool, as this process sees it: once where the program may look, and once where
// we do, because what the program may do there can be nothing at all. Layer: core/area_pools.
// Allocates: no.  Locks: the registry of areas.
#pragma once

#include "core/area_pools/pool_table.h"

namespace heaptag::area_pools {

/// Maps the memory of `pool->area`, which is this process's own, and fills all that the table says
/// of it but the heap. False, with nothing mapped, when it cannot be.
bool look_inside(Pool* pool);

/// The opposite. The area stays.
void stop_looking(Pool* pool);

/// The area may have become another size: what there is of it now.
void measure(Pool* pool);

/// In a forked child, whose areas have new ids, and perhaps memory of their own: then true is
/// returned. When the memory cannot be had, the pool's area is 0.
bool look_inside_again(Pool* pool);

}  // namespace heaptag::area_pools
