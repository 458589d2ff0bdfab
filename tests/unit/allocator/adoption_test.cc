// Which state a new thread gets.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <utility>

#include "core/allocator/allocator.h"
#include "core/allocator/threads.h"
#include "tests/unit/allocator/site_figures.h"

namespace heaptag::allocator::testing {
namespace {

constexpr size_t kSize = 100;

template <typename Work>
void in_a_thread(Work work) {
  std::thread(work).join();
}

class Adoption : public ::testing::Test {
 protected:
  void SetUp() override {
    watch_thread_ends();
    site_ = fresh_sites(1)[0];
    deallocate(allocate(kSize, site_));  // the main thread has its state
  }

  /// What two threads leave behind that ran at the same time: a block of each, and their states.
  void leave_two_orphans() {
    in_a_thread([&] {
      blocks_[0] = allocate(kSize, site_);
      states_[0] = tls_state;
      in_a_thread([&] {
        blocks_[1] = allocate(kSize, site_);
        states_[1] = tls_state;
      });
    });
    ASSERT_NE(states_[0], states_[1]);
  }

  uintptr_t site_ = 0;
  void* blocks_[2] = {};
  ThreadState* states_[2] = {};
};

TEST_F(Adoption, AThreadThatBeginsWithABlockGetsTheStateThatTheBlockIsOf) {
  for (const size_t first : {0, 1}) {  // whichever ended last
    leave_two_orphans();
    in_a_thread([&] {
      deallocate(std::exchange(blocks_[first], nullptr));
      EXPECT_EQ(tls_state, states_[first]);
    });
    in_a_thread([&] {
      deallocate(blocks_[1 - first]);
      EXPECT_EQ(tls_state, states_[1 - first]);
    });
  }
}

TEST_F(Adoption, AThreadThatBeginsWithNothingGetsOneThatIsLeft) {
  leave_two_orphans();
  ThreadState* got[2] = {};
  in_a_thread([&] {
    deallocate(blocks_[1]);
    got[0] = tls_state;
    in_a_thread([&] {
      deallocate(allocate(kSize, site_));
      got[1] = tls_state;
    });
  });
  EXPECT_EQ(got[0], states_[1]);
  EXPECT_EQ(got[1], states_[0]);
  deallocate(blocks_[0]);
}

TEST_F(Adoption, NobodyGetsTheStateOfAThreadThatRuns) {
  void* of_main = allocate(kSize, site_);
  in_a_thread([&] {
    deallocate(of_main);
    EXPECT_NE(tls_state, &cold_state);
    in_a_thread([&, running = tls_state] {
      EXPECT_EQ(tls_state, &cold_state);
      deallocate(allocate(kSize, site_));
      EXPECT_NE(tls_state, running);
    });
  });
}

// Orphans are linked both ways: what is taken out of their middle leaves the others in reach.
TEST_F(Adoption, OrphansInAnyOrder) {
  constexpr size_t kThreads = 7;
  void* blocks[kThreads];
  ThreadState* states[kThreads];
  for (size_t round = 0; round < kThreads; ++round) {
    std::thread threads[kThreads];
    std::atomic<size_t> ready{0};
    for (size_t i = 0; i < kThreads; ++i) {
      threads[i] = std::thread([&, i] {
        blocks[i] = allocate(kSize, site_);
        states[i] = tls_state;
        for (++ready; ready < kThreads;) {
          std::this_thread::yield();
        }
      });
    }
    for (std::thread& thread : threads) {
      thread.join();
    }
    for (size_t step = 0; step < kThreads; ++step) {
      const size_t i = (step * 3 + round) % kThreads;
      in_a_thread([&] {
        deallocate(blocks[i]);
        EXPECT_EQ(tls_state, states[i]);
      });
    }
  }
}

}  // namespace
}  // namespace heaptag::allocator::testing
