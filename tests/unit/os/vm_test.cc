#include "core/os/vm.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include <cstring>

#include "core/base/units.h"

namespace heaptag::os {
namespace {

constexpr size_t kBytes = 64 * kPageBytes;

char* mapped() {
  return static_cast<char*>(map_pages(kBytes));
}

bool is_all(const char* at, char c, size_t size = kBytes) {
  return at[0] == c && std::memcmp(at, at + 1, size - 1) == 0;
}

TEST(Vm, ReservedSpaceCanBeCommittedInParts) {
  auto* at = static_cast<char*>(reserve(kBytes));
  ASSERT_NE(at, nullptr);
  ASSERT_TRUE(commit(at + kPageBytes, 2 * kPageBytes));
  EXPECT_TRUE(is_all(at + kPageBytes, 0, 2 * kPageBytes));
  at[kPageBytes] = 1;
  EXPECT_TRUE(commit(at, kBytes));
  EXPECT_EQ(at[kPageBytes], 1) << "what is there stays";
  unmap(at, kBytes);
  EXPECT_FALSE(commit(at, kBytes));
}

TEST(Vm, RefusesWhatNobodyHas) {
  EXPECT_EQ(reserve(size_t{1} << 60), nullptr);
  EXPECT_EQ(map_pages(size_t{1} << 60), nullptr);
}

TEST(Vm, PurgedPagesReadAsZero) {
  char* at = mapped();
  std::memset(at, 5, kBytes);
  EXPECT_TRUE(purge(at, kBytes));
  EXPECT_TRUE(is_all(at, 0));
  std::memset(at, 6, kBytes);
  unmap(at, kBytes);
  EXPECT_FALSE(purge(at, kBytes));
}

TEST(Vm, MovedPagesLeaveZerosBehind) {
  char* from = mapped();
  char* to = mapped();
  std::memset(from, 7, kBytes);
  std::memset(to, 8, kBytes);
  ASSERT_EQ(move_pages(from, to, kBytes), Moved::kYes);
  EXPECT_TRUE(is_all(to, 7));
  EXPECT_TRUE(is_all(from, 0));
  unmap(from, kBytes);
  unmap(to, kBytes);
}

// The kernel moves one mapping at a time, and what madvise has marked is one of its own.
TEST(Vm, ARefusedMoveLeavesTheContentWhereItWas) {
  char* from = mapped();
  char* to = mapped();
  std::memset(from, 7, kBytes);
  ASSERT_EQ(madvise(from + kBytes / 2, kPageBytes, MADV_DONTFORK), 0);
  EXPECT_EQ(move_pages(from, to, kBytes), Moved::kNo);
  EXPECT_TRUE(is_all(from, 7));
  std::memset(to, 9, kBytes);
  unmap(from, kBytes);
  unmap(to, kBytes);
}

TEST(Vm, KnowsTheLimitOfAddressSpace) {
  rlimit limit{};
  ASSERT_EQ(getrlimit(RLIMIT_AS, &limit), 0);
  EXPECT_EQ(address_space_limit(), limit.rlim_cur == RLIM_INFINITY ? SIZE_MAX : limit.rlim_cur);
}

}  // namespace
}  // namespace heaptag::os
