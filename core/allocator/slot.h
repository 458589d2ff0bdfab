// What malloc probes with (call site, size class and exactness): who is charged, and which bins the
// block comes from. Layer: core/allocator.
#pragma once

#include "core/allocator/bin.h"
#include "core/base/types.h"

namespace heaptag::allocator {

/// One requested size of the pair may have a bin of its own, the other sizes together may have, and
/// what has not shares metered bins.
struct Slot {
  uint64_t key;      // kNoKey: empty
  Bin* uniform_bin;  // of uniform_size

  union {
    OwnerCounters* counters;  // metered: of the owner, in this thread
    Bin* varied_bin;          // when is_varied
  };

  uint32_t owner : 21;
  uint32_t is_varied : 1;
  // What the samples of metered allocations say: how many of the last ones had the same rounding.
  // Exact sizes have none: candidate_slack is the mark of the bin above then, see promote_exact.
  uint32_t run : 4;
  uint32_t samples : 6;
  uint16_t candidate_slack : 7;
  uint16_t selector : 8;
  uint16_t uniform_size;  // kNoSize: none

  static constexpr uint64_t kNoKey = ~uint64_t{0};
  static constexpr uint16_t kNoSize = 0xffff;

  uintptr_t site() const;  // of a key
};

static_assert(sizeof(Slot) == 32);

inline constexpr uint64_t kSiteFactor = 0x9E3779B97F4A7C15U;

/// Mixed well in its lower half, where the middle of the product is; adding the selector keeps the
/// requests of one site apart, and near each other: the key is the place of a slot, in bytes,
/// before the mask. Keys are exact: sites are below 2^47, and no two of them differ by less than a
/// selector here (tests/unit/allocator/slot_test.cc).
constexpr uint64_t slot_key(uintptr_t site, unsigned selector) {
  const uint64_t product = site * kSiteFactor;
  return (product >> 32 | product << 32) + uint64_t{selector} * sizeof(Slot);
}

constexpr uintptr_t site_of_key(uint64_t key, unsigned selector) {
  constexpr uint64_t kInverse = 0xF1DE83E19937733DU;
  static_assert(kInverse * kSiteFactor == 1);
  const uint64_t mixed = key - uint64_t{selector} * sizeof(Slot);
  return (mixed >> 32 | mixed << 32) * kInverse;
}

inline uintptr_t Slot::site() const {
  return site_of_key(key, selector);
}

/// A key has this place in a table, or the other one in the same line of the cache.
inline Slot* place_in(Slot* slots, uint64_t slot_mask, uint64_t key) {
  return reinterpret_cast<Slot*>(reinterpret_cast<char*>(slots) + (key & slot_mask));
}

inline Slot* other_place(Slot* slot) {
  return reinterpret_cast<Slot*>(reinterpret_cast<uintptr_t>(slot) ^ sizeof(Slot));
}

/// The table that malloc probes while one tag is pushed, or none.
struct SlotTable {
  Slot* slots;
  uint64_t slot_mask;  // (number of slots - 1) * sizeof(Slot)
  uint32_t evictions;  // slots that another key took, since the table last grew
  uint32_t used;       // slots with a key, or more: see is_crowded
  TagId tag;
  SlotTable* next;

  /// Null when nothing is known of the request.
  Slot* find(uint64_t key) const {
    Slot* slot = place_in(slots, slot_mask, key);
    if (slot->key == key) {
      return slot;
    }
    slot = other_place(slot);
    return slot->key == key ? slot : nullptr;
  }

  /// Where a key goes that is not there: to another one's place, by turns, when both are taken.
  Slot* place_for(uint64_t key) const {
    Slot* slot = place_in(slots, slot_mask, key);
    Slot* other = other_place(slot);
    if (slot->key == Slot::kNoKey || other->key == Slot::kNoKey) {
      return slot->key == Slot::kNoKey ? slot : other;
    }
    return evictions % 2 == 0 ? slot : other;
  }
};

/// The slots of a table that matches nothing.
struct alignas(2 * sizeof(Slot)) SlotPair {
  Slot slots[2];
};

constexpr SlotPair make_empty_slots() {
  SlotPair pair{};
  for (Slot& slot : pair.slots) {
    slot.key = Slot::kNoKey;
    slot.uniform_size = Slot::kNoSize;
  }
  return pair;
}

}  // namespace heaptag::allocator
