// What is kept of a guarded block for those who tell of it: in its GuardedBlock's payload.
// Layer: core/safety.  Locks: none: written by whoever allocates or frees the block.
#pragma once

#include "core/base/types.h"
#include "core/safety/guard_region.h"
#include "core/safety/stacks.h"

namespace heaptag::safety {

struct GuardRecord {
  uintptr_t freed_pc;
  uint32_t owner;
  StackId allocated_stack;  // 0: only the owner is known
  StackId freed_stack;      // 0: only freed_pc is known
  uint32_t allocated_ms;    // os::coarse_ms, its lower half
  uint32_t freed_ms;
  uint32_t allocated_thread;  // numbers of thread states
  uint32_t freed_thread;
  uint8_t family;
  uint8_t is_told;      // live: of its padding
  uint8_t is_released;  // somebody is freeing it, or has
  uint8_t watched;      // the watchpoint that stands in its padding, and 1; 0: none
};

static_assert(sizeof(GuardRecord) <= sizeof(GuardedBlock::payload));

inline GuardRecord* record_of(GuardedBlock* block) {
  return reinterpret_cast<GuardRecord*>(block->payload);
}

inline const GuardRecord* record_of(const GuardedBlock* block) {
  return reinterpret_cast<const GuardRecord*>(block->payload);
}

}  // namespace heaptag::safety
