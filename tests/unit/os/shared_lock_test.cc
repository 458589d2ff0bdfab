#include "core/os/shared_lock.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <thread>
#include <vector>

namespace heaptag::os {
namespace {

using Taken = SharedLock::Taken;

// Shared with forked children.
class SharedLockTest : public testing::Test {
 protected:
  struct Shared {
    SharedLock lock;
    uint64_t count;
    uint32_t flag;
  };

  void SetUp() override {
    void* page = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(page, MAP_FAILED);
    shared_ = new (page) Shared{};
  }

  void TearDown() override { munmap(shared_, 4096); }

  template <typename Body>
  static pid_t child(Body body) {
    const pid_t pid = fork();
    if (pid == 0) {
      SharedLock::in_forked_child();
      body();
      _exit(0);
    }
    return pid;
  }

  static int end_of(pid_t pid) {
    int status = 0;
    waitpid(pid, &status, 0);
    return status;
  }

  void wait_for_flag() const {
    while (__atomic_load_n(&shared_->flag, __ATOMIC_ACQUIRE) == 0) {
      usleep(100);
    }
  }

  void raise_flag() { __atomic_store_n(&shared_->flag, 1, __ATOMIC_RELEASE); }

  void count(int times) {
    for (int i = 0; i < times; ++i) {
      ASSERT_EQ(shared_->lock.acquire(), Taken::kYes);
      const uint64_t before = *const_cast<volatile uint64_t*>(&shared_->count);
      *const_cast<volatile uint64_t*>(&shared_->count) = before + 1;
      shared_->lock.release();
    }
  }

  Shared* shared_ = nullptr;
};

TEST_F(SharedLockTest, OneAtATimeInThreadsAndProcesses) {
  std::vector<pid_t> children;
  for (int i = 0; i < 4; ++i) {
    children.push_back(child([this] { count(20'000); }));
  }
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([this] { count(20'000); });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  for (const pid_t pid : children) {
    EXPECT_EQ(end_of(pid), 0);
  }
  EXPECT_EQ(shared_->count, 160'000U);
}

TEST_F(SharedLockTest, WhoeverHasItIsToldSo) {
  ASSERT_EQ(shared_->lock.acquire(), Taken::kYes);
  EXPECT_EQ(shared_->lock.acquire(), Taken::kNot);
  shared_->lock.release();
  EXPECT_EQ(shared_->lock.acquire(), Taken::kYes);
}

TEST_F(SharedLockTest, TheDeadLoseIt) {
  const pid_t holder = child([this] {
    (void)shared_->lock.acquire();
    raise_flag();
    pause();
  });
  wait_for_flag();
  std::thread waiter([this] {
    EXPECT_EQ(shared_->lock.acquire(), Taken::kFromTheDead);
    shared_->lock.release();
  });
  usleep(100'000);
  kill(holder, SIGKILL);
  waiter.join();  // although nobody has waited for the child: a zombie holds nothing
  end_of(holder);
  EXPECT_EQ(shared_->lock.acquire(), Taken::kYes);
}

TEST_F(SharedLockTest, OnlyOneInheritsIt) {
  const pid_t holder = child([this] { (void)shared_->lock.acquire(); });
  end_of(holder);
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([this] {
      if (shared_->lock.acquire() == Taken::kFromTheDead) {
        __atomic_fetch_add(&shared_->count, 1, __ATOMIC_RELAXED);
      }
      shared_->lock.release();
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(shared_->count, 1U);
}

TEST_F(SharedLockTest, TheLivingKeepIt) {
  const pid_t holder = child([this] {
    (void)shared_->lock.acquire();
    raise_flag();
    usleep(300'000);
    shared_->count = 7;
    shared_->lock.release();
  });
  wait_for_flag();
  EXPECT_EQ(shared_->lock.acquire(), Taken::kYes);
  EXPECT_EQ(shared_->count, 7U);
  end_of(holder);
}

// The same id and the same begin, but another program.
TEST_F(SharedLockTest, WhoeverExecutesLosesIt) {
  const pid_t holder = child([this] {
    (void)shared_->lock.acquire();
    raise_flag();
    execl("/bin/sleep", "sleep", "5", nullptr);
  });
  wait_for_flag();
  usleep(50'000);
  EXPECT_EQ(shared_->lock.acquire(), Taken::kFromTheDead);
  EXPECT_EQ(waitpid(holder, nullptr, WNOHANG), 0) << "it has ended";
  kill(holder, SIGKILL);
  end_of(holder);
}

TEST_F(SharedLockTest, AThreadThatHasEndedLosesIt) {
  std::thread([this] { (void)shared_->lock.acquire(); }).join();
  EXPECT_EQ(shared_->lock.acquire(), Taken::kFromTheDead);
}

// A forked child whose parent has it waits for the parent.
TEST_F(SharedLockTest, ForkedWhileHeld) {
  ASSERT_EQ(shared_->lock.acquire(), Taken::kYes);
  const pid_t other = child([this] {
    if (shared_->lock.acquire() == Taken::kYes && shared_->count == 3) {
      shared_->count = 4;
    }
    shared_->lock.release();
  });
  usleep(100'000);
  shared_->count = 3;
  shared_->lock.release();
  end_of(other);
  EXPECT_EQ(shared_->count, 4U);
}

TEST_F(SharedLockTest, WhateverSomebodyHasWrittenThere) {
  for (uint64_t seed = 1; seed <= 12; ++seed) {
    const uint64_t garbage = seed * 0x9e3779b97f4a7c15 | uint64_t{1} << 30;
    memcpy(static_cast<void*>(&shared_->lock), &garbage, sizeof garbage);
    EXPECT_EQ(shared_->lock.acquire(), Taken::kFromTheDead);
    shared_->lock.release();
  }
}

}  // namespace
}  // namespace heaptag::os
