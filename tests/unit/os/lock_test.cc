#include "core/os/lock.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>
#include <vector>

namespace heaptag::os {
namespace {

TEST(Lock, OneAtATime) {
  constexpr int kThreads = 4;
  constexpr int kRounds = 20'000;
  static Lock lock;
  static uint64_t plain = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([] {
      for (int i = 0; i < kRounds; ++i) {
        const LockGuard guard(lock);
        ++plain;
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(plain, uint64_t{kThreads} * kRounds);
}

TEST(Lock, TryAcquireDoesNotWait) {
  Lock lock;
  EXPECT_TRUE(lock.try_acquire());
  EXPECT_FALSE(lock.try_acquire());
  lock.release();
  EXPECT_TRUE(lock.try_acquire());
  lock.release();
}

TEST(Lock, WaitsNoLongerThanItIsTold) {
  Lock lock;
  lock.acquire();
  EXPECT_TRUE(lock.is_held());
  EXPECT_FALSE(lock.acquire_within(0));
  EXPECT_FALSE(lock.acquire_within(5'000'000));
  lock.release();
  EXPECT_FALSE(lock.is_held());
  EXPECT_TRUE(lock.acquire_within(0));
  lock.release();
  EXPECT_TRUE(lock.try_acquire());
}

TEST(Lock, IsHandedToWhoWaitsForATime) {
  Lock lock;
  std::atomic<bool> got = false;
  lock.acquire();
  std::thread waiter([&] {
    got = lock.acquire_within(60'000'000'000);
    lock.release();
  });
  usleep(20'000);
  EXPECT_FALSE(got);
  lock.release();
  waiter.join();
  EXPECT_TRUE(got);
}

TEST(Lock, WakesWhoWaits) {
  Lock lock;
  std::atomic<bool> got = false;
  lock.acquire();
  std::thread waiter([&] {
    lock.acquire();
    got = true;
    lock.release();
  });
  usleep(20'000);  // past its spinning
  EXPECT_FALSE(got);
  lock.release();
  waiter.join();
  EXPECT_TRUE(got);
}

// The forking thread holds every lock: its own handlers may take them all the same, others wait.
TEST(Lock, IsFreeForTheForkingThreadOnly) {
  Lock lock;
  std::atomic<bool> got = false;
  lock.acquire_for_fork();
  fork_begin();
  lock.acquire();
  lock.release();
  std::thread other([&] {
    const LockGuard guard(lock);
    got = true;
  });
  usleep(20'000);
  EXPECT_FALSE(got);
  fork_end();
  lock.release_after_fork();
  other.join();
  EXPECT_TRUE(got);
}

TEST(Lock, IsFreeAgainInAForkedChild) {
  static Lock lock;
  lock.acquire();
  const pid_t child = fork();
  if (child == 0) {
    lock.reset_after_fork();
    _exit(lock.try_acquire() ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  lock.release();
}

}  // namespace
}  // namespace heaptag::os
