// Slots that are set aside, while the table that they are of grows.
#include "core/allocator/guard_sampling.h"

#include <gtest/gtest.h>

#include <map>
#include <vector>

#include "core/allocator/allocator.h"
#include "core/allocator/threads.h"
#include "tests/unit/allocator/site_figures.h"

namespace heaptag::allocator::testing {
namespace {

constexpr size_t kSize = 100;
constexpr uint32_t kEvery = 1'000'000;
constexpr unsigned kSelector = heap::selector_of(kSize);

std::map<uint64_t, int> keys_in(const SlotTable& table) {
  std::map<uint64_t, int> keys;
  for (uint64_t at = 0; at <= table.slot_mask; at += sizeof(Slot)) {
    const uint64_t key = place_in(table.slots, table.slot_mask, at)->key;
    if (key != Slot::kNoKey) {
      ++keys[key];
    }
  }
  return keys;
}

TEST(GuardSampling, WhatWasSetAsideIsInTheTableOnceOrNotAtAll) {
  ASSERT_TRUE(start_guards({.every = kEvery}));
  constexpr size_t kSites = 300;
  const std::vector<uintptr_t> sites = fresh_sites(kSites);
  ThreadState* thread = nullptr;
  unsigned set_aside = 0;
  unsigned growths = 0;
  for (size_t i = 0; i < kSites; ++i) {
    deallocate(allocate(kSize, sites[i]));
    thread = tls_state;
    // The pair that has just come and one of those before: nobody calls them meanwhile.
    for (const size_t which : {i, i / 2}) {
      const uint64_t key = slot_key(sites[which], kSelector);
      Slot* slot = thread->active->find(key);
      if (slot == nullptr) {
        continue;
      }
      const Slot said = *slot;
      const uint64_t mask_before = thread->active->slot_mask;
      thread->guard_in = -int64_t{kEvery};  // late: it is anybody's turn
      note_sampled(thread, slot, 1);
      growths += thread->active->slot_mask != mask_before ? 1 : 0;
      const std::map<uint64_t, int> keys = keys_in(*thread->active);
      for (const auto& [found, times] : keys) {
        ASSERT_EQ(times, 1) << found;
      }
      const Slot* aside = find_aside(thread, key);
      if (aside != nullptr) {  // else what was put back has taken its place
        ++set_aside;
        ASSERT_EQ(keys.count(key), 0U);
        EXPECT_EQ(aside->owner, said.owner);
      }
    }
  }
  EXPECT_GT(set_aside, kSites / 2);
  EXPECT_GT(growths, 0U);
  // All of them are charged as ever.
  auto figures = figures_of_sites();
  for (const uintptr_t site : sites) {
    EXPECT_EQ(figures[site].allocations, 1U);
    EXPECT_EQ(figures[site].frees, 1U);
  }
}

}  // namespace
}  // namespace heaptag::allocator::testing
