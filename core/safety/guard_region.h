// Blocks between pages that nobody may touch: an access behind or before one, or after it was
// freed, faults at the instruction that is to blame. Knows no heap and no owners: what a caller has
// to say of a block lies in the block's record, which no stray write through the block reaches.
// Layer: core/safety.  Allocates: metadata.  Locks: one of its own, outside of that of metadata.
// errno: never touched.
//
// One reservation, cut into zones of one size: in each, slots for so many pages (1, 2, 4 … 256), an
// untouchable page before the first and behind each. A block has as many pages as it needs, at one
// end of its slot; the rest of its last or first page is padding, filled with a pattern. Slots that
// were never used come first, then those whose block was freed the longest ago.
#pragma once

#include "core/base/types.h"
#include "core/os/lock.h"

namespace heaptag::safety {

/// Where a block touches the untouchable: its last byte lies before it, or its first one behind it.
enum class GuardSide : uint8_t { kEnd, kBegin };

enum class GuardState : uint8_t { kUnused, kLive, kFreed };

/// The record of a block. It never moves, and is used again for the next block of its slot, which
/// has another generation.
struct alignas(64) GuardedBlock {
  uintptr_t address;
  size_t size_bytes;      // requested
  uintptr_t pages_begin;  // what may be touched while it lives
  uint32_t page_count;    // 0 for 0 bytes
  uint32_t generation;
  GuardState state;
  GuardSide side;
  bool is_never_clean;  // the kernel does not take memory back here (mlock)
  GuardedBlock* freed_next;

  alignas(16) uint8_t payload[64];  // the caller's own record, zeroed for each new block

  uintptr_t end() const { return address + size_bytes; }
};

static_assert(sizeof(GuardedBlock) == 128);

inline constexpr size_t kMaxGuardedBytes = 1024 * 1024;

struct GuardLimits {
  size_t address_space_bytes;  // to reserve, at most
  size_t mappings;             // to cause, at most
};

/// Half of the mappings that the process may have; of limited address space (RLIMIT_AS) a 16th.
GuardLimits guard_limits_of_system();

/// Once, before anything else here. False when there is not enough address space: then nothing is
/// guarded.
bool init_guards(const GuardLimits& limits);

/// What a block of so many bytes is aligned to when nothing else is asked for, so that it ends as
/// close to the untouchable page as its type can: an object's alignment divides its size.
constexpr size_t natural_alignment(size_t size_bytes) {
  const size_t divisor = size_bytes & -size_bytes;
  return divisor == 0 || divisor > 16 ? 16 : divisor;
}

/// One side and the other by turns that no regular pattern of allocations follows.
GuardSide next_guard_side();

/// A block of zeroed bytes. `alignment` is a power of two. Null when it is larger than a page, the
/// block is too large, or none may be had now: counted as unguarded. At the end, up to
/// alignment - 1 bytes lie between block and page, as padding.
/// Owns: the caller, until guard_free.
GuardedBlock* guard_allocate(size_t size_bytes, size_t alignment, GuardSide side);

/// Its pages cannot be touched from here on, and what was in them is gone: look at the padding
/// first. False when it does not live (any more): of several threads that free it one is told true.
bool guard_free(GuardedBlock* block);

inline bool is_live(const GuardedBlock& block) {
  GuardState state;
  __atomic_load(&block.state, &state, __ATOMIC_ACQUIRE);
  return state == GuardState::kLive;
}

struct GuardRange {
  uintptr_t begin;
  size_t size_bytes;
};

extern constinit GuardRange guard_range;

/// May `address` have to do with a guarded block? A no is certain.
inline bool is_in_guard_region(uintptr_t address) {
  return address - guard_range.begin < guard_range.size_bytes;
}

/// The block, live or freed, whose bytes are nearest to `address`; null when no slot next to it was
/// ever used. Signals: safe. Lock-free: while others allocate, the record may become another one's.
GuardedBlock* find_guarded(uintptr_t address);

enum class GuardPlace : uint8_t { kBefore, kInside, kBehind };

constexpr GuardPlace place_of(const GuardedBlock& block, uintptr_t address) {
  return address < block.address  ? GuardPlace::kBefore
         : address >= block.end() ? GuardPlace::kBehind
                                  : GuardPlace::kInside;
}

/// Bytes between `address` and the nearest one of the block, that included; 0 inside.
constexpr size_t distance_to(const GuardedBlock& block, uintptr_t address) {
  return address < block.address  ? block.address - address
         : address >= block.end() ? address - block.end() + 1
                                  : 0;
}

/// Bytes of the padding that are not as we have left them: the first such place, relative to the
/// block (negative: before it). No bytes: none, or the block does not live.
struct GuardDamage {
  ptrdiff_t offset;
  size_t size_bytes;
};

GuardDamage first_damage(const GuardedBlock& block);

/// The side that no page guards, `word` being its watchable_word: where somebody has written who
/// has written to the word, too. 0: nobody has, or the block does not live.
uintptr_t first_write_beside(const GuardedBlock& block, uintptr_t word);

/// What is in the block's own pages from `address` on. Returns how many bytes were copied: none of
/// a block that does not live.
size_t copy_guarded(const GuardedBlock& block, uintptr_t address, size_t most, void* to);

/// What padding was filled with.
uint8_t padding_byte(uintptr_t address);

/// All blocks that live or wait for reuse.
void visit_guarded(void (*visit)(GuardedBlock* block, void* context), void* context);

struct GuardCounts {
  size_t live;
  size_t freed;        // and not used again
  uint64_t unguarded;  // allocations that got none
};

GuardCounts guard_counts();

/// Gives address space back that no block has used: there is a limit on it now.
void give_up_unused_guards();

/// For fork handlers only.
os::Lock& guard_lock_for_fork();

/// In a forked child. Was another thread at work under the lock? Then what had been freed before is
/// not used again.
void guards_in_forked_child(bool was_at_work);

}  // namespace heaptag::safety
