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
  kChanging,   // is about to be handed out: nothing of it means anything
};

/// By which functions a block may be freed. kAny: they cannot be told, or nothing is expected. The
/// last two are in no record: the span says it.
enum class Family : uint8_t { kAny = 0, kMalloc, kNew, kNewArray, kOsmalloc, kMtype };

constexpr bool may_free(Family allocated, Family freed) {
  return allocated == freed || allocated == Family::kAny || freed == Family::kAny;
}

struct alignas(64) BlockRecord {
  // State in the lower bits, and above them a number that changes with every change of state.
  uint32_t life;
  uint32_t owner;
  // Addresses have 48 bits, and these are multiples of 16 and 64: what is small shares their words.
  uint64_t place;            // first byte of the block | front / 16 << 48 | flags
  uint64_t link;             // the next record of the list | number of the allocating thread << 48
  uint64_t release;          // pc of the free | number of the freeing thread << 48
  uint32_t requested;        // bytes; of large blocks the span knows
  uint32_t checksum;         // freed
  uint32_t allocated_stack;  // StackId; 0: only the site is known
  uint32_t freed_stack;      // StackId; 0: only freed_pc is known
  uint32_t allocated_ms;     // os::short_ms, as time was seen on slow paths
  uint32_t freed_ms;
  uint32_t freed_count;  // frees of that thread so far
  uint32_t freed_at;  // kAgeUnitBytes that had been freed in all; in a zone: number of its account

  static constexpr unsigned kStateBits = 3;
  static constexpr uint32_t kStateMask = (1U << kStateBits) - 1;
  static constexpr unsigned kAddressBits = 48;
  static constexpr uint64_t kAddressMask = (uint64_t{1} << kAddressBits) - 1;
  static constexpr uint64_t kFamilyMask = 3;  // flags, in `place`
  static constexpr uint64_t kUnsealed = 4;    // freed, without a checksum
  static constexpr uint64_t kTold = 8;        // live: of its redzones
  static constexpr uint64_t kFlags = 15;
  static constexpr size_t kFrontUnit = 16;

  static BlockState state_in(uint32_t life) { return BlockState{life & kStateMask}; }

  BlockState state() const { return state_in(read_relaxed(life)); }

  /// What follows the life in the state `to`.
  static uint32_t next_life(uint32_t life, BlockState to) {
    return (life & ~kStateMask) + (1U << kStateBits) + static_cast<uint32_t>(to);
  }

  void change_state(BlockState to) {
    __atomic_store_n(&life, next_life(life, to), __ATOMIC_RELEASE);
  }

  /// From the state kLive, in which it was at `seen`. Of two who try, one succeeds.
  bool become_freed(uint32_t seen) {
    return __atomic_compare_exchange_n(&life, &seen, next_life(seen, BlockState::kFreed), false,
                                       __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
  }

  static char* base_of(uint64_t place) {
    return reinterpret_cast<char*>(place & kAddressMask & ~kFlags);
  }

  static size_t front_of(uint64_t place) { return (place >> kAddressBits) * kFrontUnit; }

  static Family family_of(uint64_t place) {
    return Family{static_cast<uint8_t>(place & kFamilyMask)};
  }

  char* base() const { return base_of(place); }

  size_t front() const { return front_of(place); }

  Family family() const { return family_of(place); }

  bool has(uint64_t flag) const { return (read_relaxed(place) & flag) != 0; }

  void set(uint64_t flag) { write_relaxed(place, place | flag); }

  /// A record of a block that was never handed out.
  void begin(const char* base) { place = reinterpret_cast<uintptr_t>(base); }

  void set_allocation(const char* base, size_t front, Family family) {
    write_relaxed(place, reinterpret_cast<uintptr_t>(base) |
                             uint64_t{front / kFrontUnit} << kAddressBits |
                             static_cast<uint64_t>(family));
  }

  BlockRecord* next() const { return reinterpret_cast<BlockRecord*>(link & kAddressMask); }

  void set_next(const BlockRecord* next) {
    link = (link & ~kAddressMask) | reinterpret_cast<uintptr_t>(next);
  }

  uint32_t allocated_thread() const { return static_cast<uint32_t>(link >> kAddressBits); }

  uintptr_t freed_pc() const { return release & kAddressMask; }

  uint32_t freed_thread() const { return static_cast<uint32_t>(release >> kAddressBits); }

  /// An address or a pc with the number of a thread, which may be cut.
  static uint64_t with_thread(uintptr_t address, uint32_t thread) {
    return (address & kAddressMask) | uint64_t{thread} << kAddressBits;
  }
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
