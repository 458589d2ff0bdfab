#include "core/os/process.h"

#include <gnu/libc-version.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <string>

#include "core/os/clock.h"
#include "core/os/loader.h"
#include "core/os/syscall.h"

namespace heaptag::os {
namespace {

TEST(Process, IsWhoLibcSays) {
  EXPECT_EQ(process_id(), static_cast<uint32_t>(getpid()));
  EXPECT_EQ(parent_id(), static_cast<uint32_t>(getppid()));
  EXPECT_GT(max_resident_bytes(), 1000U * 1024);
  EXPECT_LT(max_resident_bytes(), uint64_t{1} << 50);
}

TEST(Process, NamesAreCutToFit) {
  char expected[300];
  ASSERT_EQ(gethostname(expected, sizeof expected), 0);
  char whole[300];
  host_name(whole, sizeof whole);
  EXPECT_STREQ(whole, expected);
  char little[3];
  host_name(little, sizeof little);
  EXPECT_EQ(std::string(little), std::string(expected).substr(0, 2));
  kernel_release(little, 1);
  EXPECT_STREQ(little, "");
}

TEST(Syscall, ErrorsAreSmallNegativeNumbers) {
  EXPECT_TRUE(is_error(-1));
  EXPECT_TRUE(is_error(-4095));
  EXPECT_FALSE(is_error(-4096));
  EXPECT_FALSE(is_error(0));
  EXPECT_FALSE(is_error(0x7fff'ffff'f000));
}

TEST(Clock, AgreesWithLibc) {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  const uint64_t ours = realtime_ns();
  const auto theirs =
      static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
  EXPECT_LT(ours > theirs ? ours - theirs : theirs - ours, 60'000'000'000U);
}

TEST(Clock, NeverRunsBackwards) {
  uint64_t last = monotonic_ns();
  for (int i = 0; i < 1000; ++i) {
    const uint64_t now = monotonic_ns();
    ASSERT_GE(now, last);
    last = now;
  }
  EXPECT_LE(coarse_ms(), monotonic_ns() / 1'000'000);
}

int function_of_ours() {
  return 7;
}

TEST(Loader, FindsTheObjectOfAnAddress) {
  LoadedObject ours{};
  LoadedObject libc{};
  ASSERT_TRUE(find_object(reinterpret_cast<uintptr_t>(&function_of_ours), &ours));
  ASSERT_TRUE(find_object(reinterpret_cast<uintptr_t>(&gnu_get_libc_version), &libc));
  EXPECT_STREQ(ours.path, "");
  EXPECT_NE(std::string(libc.path).find("libc.so"), std::string::npos);
  EXPECT_LE(libc.begin, reinterpret_cast<uintptr_t>(&gnu_get_libc_version));
  EXPECT_GT(libc.end, reinterpret_cast<uintptr_t>(&gnu_get_libc_version));
  int on_stack = 0;
  EXPECT_FALSE(find_object(reinterpret_cast<uintptr_t>(&on_stack), &ours));
  EXPECT_FALSE(find_object(0, &ours));
}

TEST(Loader, ReadsTheBuildIdThatIsInTheNotes) {
  LoadedObject libc{};
  ASSERT_TRUE(find_object(reinterpret_cast<uintptr_t>(&gnu_get_libc_version), &libc));
  uint8_t whole[20] = {};
  uint8_t part[4] = {};
  EXPECT_EQ(read_build_id(libc, whole, sizeof whole), 20U);
  EXPECT_EQ(read_build_id(libc, part, sizeof part), 4U);
  EXPECT_EQ(std::memcmp(whole, part, sizeof part), 0);
}

}  // namespace
}  // namespace heaptag::os
