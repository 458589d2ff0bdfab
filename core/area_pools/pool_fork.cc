#include "core/area_pools/pool_fork.h"

#include "core/area_pools/module.h"
#include "core/area_pools/pool_memory.h"
#include "core/areas/registry.h"

namespace heaptag::area_pools {

namespace {

constinit bool are_held = false;
constinit uint64_t held_locks[kMaxPools / 64] = {};  // by index in the table

// Processes that fork at the same time must not wait for each other: lowest key first, which is the
// same in all of them.
void hold_pools() {
  uint64_t last = 0;
  for (;;) {
    Pool* next = nullptr;
    uint32_t next_index = 0;
    uint32_t index = 0;
    for (Pool* pool = next_pool(&index); pool != nullptr; ++index, pool = next_pool(&index)) {
      const uint64_t key = pool->heap.key();
      if (key > last && (next == nullptr || key < next->heap.key())) {
        next = pool;
        next_index = index;
      }
    }
    if (next == nullptr) {
      return;
    }
    last = next->heap.key();
    // kNot: fork in a signal handler. kFromTheDead: the pool says itself that it was at work.
    if (next->heap.header()->lock.acquire() != os::SharedLock::Taken::kNot) {
      held_locks[next_index / 64] |= uint64_t{1} << next_index % 64;
    }
  }
}

bool is_held(uint32_t index) {
  return (held_locks[index / 64] >> index % 64 & 1) != 0;
}

void forget_held() {
  for (uint64_t& word : held_locks) {
    word = 0;
  }
  are_held = false;
}

}  // namespace

void prepare_fork() {
  module_lock().acquire();
  table_lock().acquire();
  if (areas::settings().fork != config::AreaFork::kShared) {
    are_held = true;
    hold_pools();
  }
}

void after_fork_in_parent() {
  if (are_held) {
    uint32_t index = 0;
    for (Pool* pool = next_pool(&index); pool != nullptr; ++index, pool = next_pool(&index)) {
      if (is_held(index)) {
        pool->heap.header()->lock.release();
      }
    }
    forget_held();
  }
  table_lock().release();
  module_lock().release();
}

void after_fork_in_child() {
  os::SharedLock::in_forked_child();
  const bool may_be_copied = are_held;
  uint32_t index = 0;
  for (Pool* pool = next_pool(&index); pool != nullptr; ++index, pool = next_pool(&index)) {
    if (look_inside_again(pool)) {
      pool->heap.header()->lock.forget_holder();
    } else if (pool->area == 0 && may_be_copied) {
      withdraw(pool);  // there was no memory for its copy
      stop_looking(pool);
    }
  }
  forget_held();
  table_lock().release();
  module_lock().release();
}

}  // namespace heaptag::area_pools
