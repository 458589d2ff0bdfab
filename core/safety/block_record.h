// What is kept of every block when blocks are checked: beside the heap, where no stray write of the
// program reaches it. One line of the cache for each.
// Layer: core/safety.  Locks: none: one writer at a time, whoever holds the block; readers of other
// threads look at `life` before and after.
#pragma once

#include "core/base/counter.h"
#include "core/base/types.h"

namespace heaptag::safety {

enum class BlockState : uint32_t {
  kUnused = 0,  // never handed out
  kLive,
  kFreed,      // its checksum, if there is one, holds for its content
  kWithdrawn,  // was found to be corrupted after its free: never handed out again
};

/// By which functions a block may be freed. kAny: they cannot be told, or nothing is expected.
enum class Family : uint8_t { kAny = 0, kMalloc, kNew, kNewArray };

struct alignas(64) BlockRecord {
  // State in the lower bits, and above them a number that changes with every change of state.
  uint32_t life;
  uint32_t owner;
  uint64_t next;       // free: the next block of the list, its first byte; 0: the last one
  uint32_t requested;  // bytes; of large blocks the span knows
  uint32_t checksum;   // freed
  uint64_t freed_pc : 48;
  uint64_t family : 8;       // of the allocation
  uint64_t unsealed : 8;     // freed, without a checksum
  uint32_t allocated_stack;  // StackId; 0: only the site is known
  uint32_t freed_stack;      // StackId; 0: only freed_pc is known
  uint32_t allocated_ms;     // since the start, as time was seen on slow paths
  uint32_t freed_ms;
  uint16_t allocated_thread;  // numbers of thread states
  uint16_t freed_thread;
  uint32_t freed_count;  // frees of that thread so far
  uint32_t freed_at;     // kAgeUnitBytes that had been freed in all
  uint16_t front;        // of the user's first byte in the block; of large blocks: see their span
  uint16_t told;         // live: of its redzones

  BlockState state() const { return BlockState{read_relaxed(life) & kStateMask}; }

  void change_state(BlockState to) {
    __atomic_store_n(&life, ((life >> kStateBits) + 1) << kStateBits | static_cast<uint32_t>(to),
                     __ATOMIC_RELEASE);
  }

  static constexpr unsigned kStateBits = 2;
  static constexpr uint32_t kStateMask = (1U << kStateBits) - 1;
};

static_assert(sizeof(BlockRecord) == 64);

/// How old freed blocks are is counted in bytes that have been freed since.
inline constexpr uint64_t kAgeUnitBytes = 256;

/// A block with its record, for as long as both stay where they are.
struct CheckedBlock {
  BlockRecord* record;
  char* base;    // of all that belongs to the block, redzones included
  size_t bytes;  // the same
  size_t front;  // redzone before the user's first byte
  size_t requested;
  uint8_t* kept;  // room for a copy of the first keepable_bytes(bytes); null: none

  char* user() const { return base + front; }
};

/// The content of freed blocks up to this size is kept, to tell which bytes have changed.
inline constexpr size_t kKeptBytes = 256;

constexpr size_t keepable_bytes(size_t block_bytes) {
  return block_bytes <= kKeptBytes ? block_bytes : 0;
}

}  // namespace heaptag::safety
