#include "core/allocator/guard_policy.h"

#include <gtest/gtest.h>

namespace heaptag::allocator {
namespace {

using safety::GuardSide;

TEST(GuardPolicy, OneInSoManyOnAverageAndNeverRegularly) {
  for (const uint32_t every : {2U, 50U, 5000U}) {
    uint32_t seed = 1;
    uint64_t sum = 0;
    uint32_t least = UINT32_MAX;
    uint32_t most = 0;
    constexpr uint32_t kTries = 20'000;
    for (uint32_t i = 0; i < kTries; ++i) {
      const uint32_t next = next_guard_in(every, &seed);
      sum += next;
      least = next < least ? next : least;
      most = next > most ? next : most;
    }
    EXPECT_NEAR(static_cast<double>(sum) / kTries, every, every * 0.03);
    EXPECT_GE(least, 1U);
    EXPECT_LE(most, 2 * every - 1);
    EXPECT_LT(least, every / 2 + 1);
    EXPECT_GT(most, every);
  }
}

TEST(GuardPolicy, TheLargestNumberIsOneToo) {
  uint32_t seed = 7;
  for (int i = 0; i < 100; ++i) {
    EXPECT_GE(next_guard_in(UINT32_MAX / 2, &seed), 1U);
    EXPECT_EQ(next_guard_in(1, &seed), 1U);
  }
}

TEST(GuardPolicy, OneBlockInFourWatchesItsBeginning) {
  EXPECT_EQ(guard_side_at(0), GuardSide::kEnd);
  for (uint32_t group = 0; group < 16; ++group) {
    int begins = 0;
    for (uint32_t i = 0; i < 4; ++i) {
      begins += guard_side_at(group * 4 + i) == GuardSide::kBegin ? 1 : 0;
    }
    EXPECT_EQ(begins, 1) << group;
  }
}

TEST(GuardPolicy, EveryPlaceOfAPatternMeetsBothSides) {
  for (uint32_t step : {2U, 4U, 8U}) {
    for (uint32_t place = 0; place < step; ++place) {
      int begins = 0;
      for (uint32_t i = place; i < 32; i += step) {
        begins += guard_side_at(i) == GuardSide::kBegin ? 1 : 0;
      }
      EXPECT_GT(begins, 0) << place << " of " << step;
      EXPECT_LT(begins, static_cast<int>(32 / step));
    }
  }
}

}  // namespace
}  // namespace heaptag::allocator
