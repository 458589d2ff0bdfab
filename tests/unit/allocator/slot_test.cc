// Keys of slots stand for one (call site, selector) each.
#include "core/allocator/slot.h"

#include <gtest/gtest.h>

#include "core/heap/size_class.h"

namespace heaptag::allocator {
namespace {

constexpr uintptr_t kUserSpaceEnd = uintptr_t{1} << 47;

constexpr uint64_t swap_halves(uint64_t word) {
  return word >> 32 | word << 32;
}

TEST(SlotKey, LeadsBackToItsSite) {
  for (uintptr_t site = 1; site < kUserSpaceEnd; site = site * 3 + 12345) {
    for (unsigned selector = 0; selector < heap::kSelectorCount; ++selector) {
      ASSERT_EQ(site_of_key(slot_key(site, selector), selector), site);
    }
  }
}

// Two sites have the same key with different selectors only when their products, halves swapped,
// differ by the difference of the selectors. For each such difference there is one distance of
// sites (with and without a carry between the halves), and it is more than user space.
TEST(SlotKey, IsOfOneSiteAndSelector) {
  for (uint64_t difference = 1; difference < heap::kSelectorCount; ++difference) {
    for (const uint64_t carry : {0, 1}) {
      const uint64_t product = (difference * sizeof(Slot) << 32) + carry;
      const uintptr_t distance = site_of_key(swap_halves(product), 0);
      ASSERT_GE(distance, kUserSpaceEnd) << difference;
      ASSERT_GE(-distance, kUserSpaceEnd) << difference;
    }
  }
}

TEST(SlotKey, IsNeverTheEmptyOne) {
  for (unsigned selector = 0; selector < heap::kSelectorCount; ++selector) {
    ASSERT_GE(site_of_key(Slot::kNoKey, selector), kUserSpaceEnd) << selector;
  }
}

TEST(SlotTable, FindsAKeyInEitherPlace) {
  SlotPair pair = make_empty_slots();
  const SlotTable table{pair.slots, 0, 0, 0, TagId::kNone, nullptr};
  const uint64_t keys[] = {slot_key(0x1000, 2), slot_key(0x2000, 2), slot_key(0x3000, 2)};
  for (const uint64_t key : {keys[0], keys[1]}) {
    EXPECT_EQ(table.find(key), nullptr);
    Slot* place = table.place_for(key);
    EXPECT_EQ(place->key, Slot::kNoKey);
    place->key = key;
  }
  EXPECT_EQ(table.find(keys[0])->key, keys[0]);
  EXPECT_EQ(table.find(keys[1])->key, keys[1]);
  EXPECT_EQ(table.find(keys[2]), nullptr);
  EXPECT_NE(table.place_for(keys[2])->key, Slot::kNoKey);
}

}  // namespace
}  // namespace heaptag::allocator
