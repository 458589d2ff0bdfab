#include "core/stack/frame_row.h"

#include <gtest/gtest.h>

namespace heaptag::stack {
namespace {

constexpr uint64_t kUserBits = uint64_t{0xffff} << FrameRow::kBits;

void expect_survives(const FrameRow& row) {
  const uint64_t word = row.pack();
  EXPECT_NE(word, 0U);
  EXPECT_EQ(word & kUserBits, 0U);
  for (const uint64_t user : {uint64_t{0}, kUserBits}) {
    const FrameRow again = FrameRow::unpack(word | user);
    EXPECT_EQ(again.cfa_from_rbp, row.cfa_from_rbp);
    EXPECT_EQ(again.cfa_offset, row.cfa_offset);
    EXPECT_EQ(again.rbp_saved_below, row.rbp_saved_below);
  }
}

TEST(FrameRow, SurvivesPacking) {
  for (const bool cfa_from_rbp : {false, true}) {
    for (const uint32_t offset : {8U, 16U, 48U, 4096U, 1U << 20, FrameRow::kMaxCfaOffset}) {
      for (const uint32_t below : {0U, 8U, 16U, 56U, 1U << 16, FrameRow::kMaxRbpSavedBelow}) {
        expect_survives({cfa_from_rbp, offset, below});
      }
    }
  }
}

TEST(FrameRow, HasRoomForLargeFrames) {
  EXPECT_GE(FrameRow::kMaxCfaOffset, 1U << 20);
  EXPECT_GE(FrameRow::kMaxRbpSavedBelow, 1U << 16);
}

TEST(FrameRow, EachFieldHasItsBits) {
  EXPECT_EQ((FrameRow{false, 48, 16}).pack(), 0x400000cU);
  EXPECT_EQ((FrameRow{true, FrameRow::kMaxCfaOffset, 0}).pack(), 0x1ffffffU);
  EXPECT_EQ((FrameRow{false, 0, FrameRow::kMaxRbpSavedBelow}).pack(), 0xfffffe000000U);
}

TEST(FrameStep, FollowsTheStackPointer) {
  const uintptr_t stack[] = {1, 2, 0xb0b, 4, 0xc0de};
  const auto sp = reinterpret_cast<uintptr_t>(stack);
  const Frame caller = step({false, 40, 0}, {7, sp, 9});
  EXPECT_EQ(caller.pc, 0xc0deU);
  EXPECT_EQ(caller.sp, sp + 40);
  EXPECT_EQ(caller.rbp, 9U) << "unchanged";
  EXPECT_EQ(step({false, 40, 24}, {7, sp, 9}).rbp, 0xb0bU) << "saved";
}

TEST(FrameStep, FollowsTheFramePointer) {
  const uintptr_t stack[] = {1, 2, 0xb0b, 0xc0de, 5};
  const auto rbp = reinterpret_cast<uintptr_t>(stack + 2);
  const Frame frame = {7, 8, rbp};
  EXPECT_EQ(cfa_of({true, 16, 16}, frame), rbp + 16);
  const Frame caller = step({true, 16, 16}, frame);
  EXPECT_EQ(caller.pc, 0xc0deU);
  EXPECT_EQ(caller.sp, rbp + 16);
  EXPECT_EQ(caller.rbp, 0xb0bU);
}

}  // namespace
}  // namespace heaptag::stack
