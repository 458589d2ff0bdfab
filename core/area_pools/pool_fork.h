// A forked child has its parent's pools, by the same ids: the same memory, or copies of it, as
// HEAPTAG_AREAS_FORK says of their areas. Where areas are copied nobody may be at work in a pool
// meanwhile, and the lock of the copy is nobody's. Layer: core/area_pools.
#pragma once

namespace heaptag::area_pools {

/// For pthread_atfork, registered after those of core/areas.
void prepare_fork();
void after_fork_in_parent();
void after_fork_in_child();

}  // namespace heaptag::area_pools
