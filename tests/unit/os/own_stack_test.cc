#include "core/os/own_stack.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <cstring>
#include <thread>

namespace heaptag::os {
namespace {

struct Work {
  uintptr_t where = 0;
  uint64_t sum = 0;
};

// Uses much more stack than a small thread has.
__attribute__((noinline)) void fill_a_lot(void* context) {
  auto* work = static_cast<Work*>(context);
  volatile unsigned char room[900 * 1024];
  for (size_t i = 0; i < sizeof room; ++i) {
    room[i] = static_cast<unsigned char>(i);
  }
  for (size_t i = 0; i < sizeof room; ++i) {
    work->sum += room[i];
  }
  work->where = reinterpret_cast<uintptr_t>(&room[0]);
}

TEST(OwnStack, RunsElsewhereAndComesBack) {
  Work work;
  const int here = 7;
  errno = 33;
  ASSERT_TRUE(call_on_own_stack(fill_a_lot, &work));
  EXPECT_EQ(errno, 33);
  EXPECT_EQ(here, 7);
  EXPECT_EQ(work.sum, uint64_t{900} * 1024 / 256 * (255 * 256 / 2));
  const auto ours = reinterpret_cast<uintptr_t>(&here);
  EXPECT_TRUE(work.where + (900 << 10) < ours || work.where > ours);
}

TEST(OwnStack, CallsMayBeNested) {
  Work work;
  ASSERT_TRUE(
      call_on_own_stack([](void* context) { call_on_own_stack(fill_a_lot, context); }, &work));
  EXPECT_NE(work.sum, 0U);
}

TEST(OwnStack, ManyThreadsAtOnce) {
  std::thread threads[4];
  Work works[4];
  for (size_t i = 0; i < 4; ++i) {
    threads[i] = std::thread([&works, i] {
      for (int round = 0; round < 10; ++round) {
        works[i] = Work{};
        EXPECT_TRUE(call_on_own_stack(fill_a_lot, &works[i]));
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  for (const Work& work : works) {
    EXPECT_EQ(work.sum, works[0].sum);
  }
}

}  // namespace
}  // namespace heaptag::os
