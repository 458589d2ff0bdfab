#include "core/allocator/access_check.h"

#include <gtest/gtest.h>

#include <vector>

#include "core/os/signals.h"
#include "core/os/vm.h"
#include "core/safety/finding.h"
#include "core/safety/guard_record.h"

namespace heaptag::allocator {
namespace {

using safety::Finding;
using safety::GuardedBlock;
using safety::GuardSide;
using safety::Kind;

constexpr uintptr_t kSomebody = 0x1234;  // a return address that is not in this file

std::vector<Finding> findings;

class AccessCheck : public testing::Test {
 protected:
  void SetUp() override {
    static const bool is_ready =
        safety::guard_range.size_bytes != 0 || safety::init_guards({SIZE_MAX, 3 * 2000});
    ASSERT_TRUE(is_ready);
    findings.clear();
    before_ = safety::listener;
    safety::listener = [](const Finding& finding) { findings.push_back(finding); };
  }

  void TearDown() override {
    safety::listener = before_;
    for (GuardedBlock* block : blocks_) {
      safety::guard_free(block);
    }
  }

  GuardedBlock* block_at(GuardSide side, size_t size = 100) {
    GuardedBlock* block = safety::guard_allocate(size, 4, side);
    EXPECT_NE(block, nullptr);
    blocks_.push_back(block);
    return block;
  }

  /// What is told of an access of the bytes from `begin` to `end`, relative to the block.
  std::vector<Finding> access(const GuardedBlock* block,
                              ptrdiff_t begin,
                              ptrdiff_t end,
                              bool is_write = false,
                              uintptr_t caller = kSomebody) {
    findings.clear();
    const EntryFrame entry{0, caller};
    check_access({block->address + static_cast<uintptr_t>(begin),
                  block->address + static_cast<uintptr_t>(end), is_write, &entry});
    return findings;
  }

 private:
  safety::Listener before_ = nullptr;
  std::vector<GuardedBlock*> blocks_;
};

TEST_F(AccessCheck, WithinTheBlockNothingIsSaid) {
  for (const GuardSide side : {GuardSide::kEnd, GuardSide::kBegin}) {
    const GuardedBlock* block = block_at(side);
    EXPECT_TRUE(access(block, 0, 100).empty());
    EXPECT_TRUE(access(block, 0, 100, true).empty());
    EXPECT_TRUE(access(block, 99, 100).empty());
  }
}

TEST_F(AccessCheck, BeforeABlockThatEndsAtItsGuard) {
  const GuardedBlock* block = block_at(GuardSide::kEnd);
  const auto told = access(block, -8, 91);
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].kind, Kind::kUnderflowRead);
  EXPECT_EQ(told[0].address, block->address - 8);
  EXPECT_EQ(told[0].length, 8U);
  EXPECT_EQ(told[0].block.requested, 100U);
  EXPECT_EQ(told[0].pc, kSomebody);
  EXPECT_EQ(told[0].frame.pc, kSomebody);
  EXPECT_EQ(access(block, -8, -4, true).at(0).kind, Kind::kUnderflow);
  EXPECT_EQ(access(block, -8, -4, true).at(0).length, 4U);
}

TEST_F(AccessCheck, BehindABlockThatBeginsAtItsGuard) {
  const GuardedBlock* block = block_at(GuardSide::kBegin);
  const auto told = access(block, 50, 108);
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].kind, Kind::kOverflowRead);
  EXPECT_EQ(told[0].address, block->end());
  EXPECT_EQ(told[0].length, 8U);
  EXPECT_EQ(access(block, 104, 108, true).at(0).kind, Kind::kOverflow);
  EXPECT_EQ(access(block, 104, 108, true).at(0).address, block->address + 104);
}

TEST_F(AccessCheck, WhatWillFaultIsLeftToTheFault) {
  const GuardedBlock* ends = block_at(GuardSide::kEnd);
  EXPECT_TRUE(access(ends, 0, 101).empty());
  EXPECT_TRUE(access(ends, -8, 101).empty());
  EXPECT_TRUE(access(ends, -8000, -7990).empty());
  const GuardedBlock* begins = block_at(GuardSide::kBegin);
  EXPECT_TRUE(access(begins, -1, 10).empty());
  EXPECT_TRUE(access(begins, 0, os::kPageBytes + 1).empty());
  GuardedBlock* freed = block_at(GuardSide::kEnd);
  safety::guard_free(freed);
  EXPECT_TRUE(access(freed, -8, 10).empty());
}

TEST_F(AccessCheck, AWriteIsNotToldAgainAtTheFree) {
  GuardedBlock* block = block_at(GuardSide::kEnd);
  access(block, -8, 10);
  EXPECT_EQ(safety::record_of(block)->is_told, 0);
  access(block, -8, 10, true);
  EXPECT_EQ(safety::record_of(block)->is_told, 1);
}

TEST_F(AccessCheck, OurOwnCodeMayDoThat) {
  const GuardedBlock* block = block_at(GuardSide::kEnd);
  const auto ours = reinterpret_cast<uintptr_t>(&check_access);
  ASSERT_TRUE(os::is_own_code(ours));
  EXPECT_TRUE(access(block, -8, 10, true, ours).empty());
}

TEST_F(AccessCheck, OtherMemoryIsNobodys) {
  char text[64] = {};
  const EntryFrame entry{0, kSomebody};
  const auto begin = reinterpret_cast<uintptr_t>(text);
  check_access({begin, begin + 64, true, &entry});
  check_access({8, 16, false, &entry});
  check_access({UINTPTR_MAX - 8, UINTPTR_MAX, false, &entry});
  EXPECT_TRUE(findings.empty());
}

}  // namespace
}  // namespace heaptag::allocator
