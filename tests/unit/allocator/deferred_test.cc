#include "core/allocator/deferred.h"

#include <gtest/gtest.h>

#include "core/allocator/allocator.h"
#include "core/allocator/threads.h"
#include "tests/unit/allocator/site_figures.h"

namespace heaptag::allocator::testing {
namespace {

int served = 0;

void serve() {
  EXPECT_TRUE(may_serve());
  ++served;
  deferred.waiting = 0;
}

class DeferredWork : public ::testing::Test {
 protected:
  void SetUp() override {
    watch_thread_ends();
    deferred.serve = serve;
    served = 0;
    deallocate(allocate(10, fresh_sites(1)[0]));  // this thread has its state
  }

  void TearDown() override { deferred = {}; }
};

TEST_F(DeferredWork, WaitsForTheOutermostSlowPath) {
  {
    const BusyScope outer(tls_state);
    {
      const BusyScope inner(tls_state);
      deferred.waiting = 1;
      EXPECT_FALSE(may_serve());
    }
    EXPECT_EQ(served, 0);
  }
  EXPECT_EQ(served, 1);
}

TEST_F(DeferredWork, WaitsWhileAnotherStateIsHelped) {
  static ThreadState other{};
  const BusyScope outer(tls_state);
  {
    const BusyScope helping(&other);
    deferred.waiting = 1;
  }
  EXPECT_EQ(served, 0);
}

TEST_F(DeferredWork, WaitsForTheEndOfQuiet) {
  {
    const QuietScope outer;
    {
      const QuietScope inner;
      deferred.waiting = 1;
    }
    { const BusyScope busy(tls_state); }
    deallocate(allocate(200'000, fresh_sites(1)[0]));
    EXPECT_EQ(served, 0);
  }
  EXPECT_EQ(served, 1);
}

TEST_F(DeferredWork, IsDoneByWhoeverLeavesASlowPath) {
  const uintptr_t site = fresh_sites(1)[0];
  deferred.waiting = 1;
  void* block = allocate(200'000, site);
  EXPECT_EQ(served, 1);
  deferred.waiting = 1;
  deallocate(block);
  EXPECT_EQ(served, 2);
}

TEST_F(DeferredWork, NothingIsServedUnasked) {
  deallocate(allocate(200'000, fresh_sites(1)[0]));
  { const QuietScope quiet; }
  EXPECT_EQ(served, 0);
}

}  // namespace
}  // namespace heaptag::allocator::testing
