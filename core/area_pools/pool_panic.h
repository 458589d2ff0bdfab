// What is done about a program that has made a mistake with a pool. Layer: core/area_pools.
#pragma once

#include "core/area_pools/pool_table.h"

namespace heaptag::area_pools {

/// Whether mistakes end the program (HEAPTAG_KMEM_DEBUG, HEAPTAG_CHECK) or are counted alone.
void end_at_mistakes(bool ends);

/// `call` is "free" or "realloc"; `pointer` is what was passed to it. Returns when mistakes do not
/// end the program, or when its panic hook does. No lock may be held.
void tell_fault(const Pool& pool, Fault fault, const char* call, const void* pointer);

/// A block that was freed has been written to; the pool is whole again.
void tell_stray_write(const Pool& pool, const char* call);

/// A call into a pool that this thread is at work in, from a signal handler.
void tell_reentry(const Pool& pool, const char* call);

}  // namespace heaptag::area_pools
