// A call at work in a pool. Layer: core/area_pools.
#pragma once

#include "core/area_pools/pool_table.h"

namespace heaptag::area_pools {

class PoolScope {
 public:
  /// Takes the pool's lock, and finishes what somebody has died at. `pool` may be null: then the
  /// scope is not open, as when the pool is bad or this thread is at work in it already.
  PoolScope(Pool* pool, const char* call);

  ~PoolScope() { leave(); }

  PoolScope(const PoolScope&) = delete;
  PoolScope& operator=(const PoolScope&) = delete;

  bool is_open() const { return is_open_; }

  Pool& pool() { return *pool_; }

  /// Says the pool's figures to the reports, and gives the lock back. Once.
  void leave();

 private:
  Pool* pool_;
  const char* call_;
  bool is_open_ = false;
};

}  // namespace heaptag::area_pools
