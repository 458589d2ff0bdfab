// M14: whoever is at work in a pool is killed, at each instruction in turn. The next one finds the
// call done or not begun, and goes on.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/area_pools/pool_range.h"

namespace heaptag::area_pools::testing {
namespace {

bool is_stopped(int status) {
  return WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP;
}

// A child that shares the pool makes a call, one instruction at a time. What it leaves in the pool
// if it is killed there, is what is there: `look` may do with it what it likes, the child goes on
// with what it had. Returns the number of instructions.
template <typename Call, typename Look>
unsigned stop_everywhere(PoolRange& pool, Call call, Look look) {
  const pid_t child = fork();
  if (child == 0) {
    ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
    raise(SIGTRAP);
    call();
    raise(SIGTRAP);
    _exit(0);
  }
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(is_stopped(status)) << status;
  unsigned instructions = 0;
  for (; !::testing::Test::HasFatalFailure(); ++instructions) {
    const std::vector<uint8_t> there = pool.copy();
    look(instructions);
    pool.restore(there);
    EXPECT_EQ(ptrace(PTRACE_SINGLESTEP, child, nullptr, nullptr), 0);
    EXPECT_EQ(waitpid(child, &status, 0), child);
    siginfo_t info{};
    if (!is_stopped(status) || ptrace(PTRACE_GETSIGINFO, child, nullptr, &info) != 0 ||
        info.si_code == SI_TKILL) {
      EXPECT_TRUE(is_stopped(status)) << "ended by itself: " << status;
      break;
    }
  }
  kill(child, SIGKILL);
  waitpid(child, &status, 0);
  return instructions;
}

bool may_trace() {
  const pid_t child = fork();
  if (child == 0) {
    _exit(ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) == 0 ? 0 : 1);
  }
  int status = 1;
  waitpid(child, &status, 0);
  return status == 0;
}

struct Prepared {
  Prepared() : pool(16'384) {
    for (size_t& block : blocks) {
      block = pool.allocate(100 + 10 * (&block - blocks));
    }
    pool.release(blocks[1]);
    pool.release(blocks[3]);
    pool.release(blocks[6]);
  }

  PoolRange pool;
  size_t blocks[9];
};

// `call` works on a pool that has begun. Afterwards the figures must be those of before, or those
// of after the call.
template <typename Call>
void survives(Call call) {
  if (!may_trace()) {
    GTEST_SKIP() << "no process may be traced here";
  }
  Prepared prepared;
  PoolRange& pool = prepared.pool;
  const std::vector<uint8_t> whole = pool.copy();
  const PoolFigures before = pool.figures();
  call(prepared);
  const PoolFigures after = pool.figures();
  ASSERT_NE(memcmp(&before, &after, sizeof before), 0);
  pool.restore(whole);
  unsigned undone = 0;
  unsigned done = 0;
  stop_everywhere(
      pool, [&] { call(prepared); },
      [&](unsigned instructions) {
        ASSERT_TRUE(pool.is_consistent()) << "killed after " << instructions;
        const PoolFigures now = pool.figures();
        const bool is_before = memcmp(&now, &before, sizeof now) == 0;
        const bool is_after = memcmp(&now, &after, sizeof now) == 0;
        ASSERT_TRUE(is_before || is_after) << "killed after " << instructions;
        ++(is_before ? undone : done);
        // And it goes on being a pool.
        ASSERT_NE(pool.allocate(300), 0U);
        ASSERT_TRUE(pool.is_consistent());
      });
  EXPECT_GT(undone, 50U);
  EXPECT_GT(done, 50U);
}

TEST(PoolKilled, Allocating) {
  survives([](Prepared& prepared) { prepared.pool.allocate(60); });
}

TEST(PoolKilled, AllocatingAllOfABlock) {
  survives([](Prepared& prepared) { prepared.pool.allocate(110); });
}

TEST(PoolKilled, ReleasingBetweenFreeOnes) {
  survives([](Prepared& prepared) { prepared.pool.release(prepared.blocks[2]); });
}

TEST(PoolKilled, ReleasingBetweenUsedOnes) {
  survives([](Prepared& prepared) { prepared.pool.release(prepared.blocks[8]); });
}

TEST(PoolKilled, GrowingInPlace) {
  survives([](Prepared& prepared) { prepared.pool.resize(prepared.blocks[5], 200); });
}

TEST(PoolKilled, Shrinking) {
  survives([](Prepared& prepared) { prepared.pool.resize(prepared.blocks[7], 20); });
}

// The next one is killed while it repairs, at each instruction, and the one after that repairs.
TEST(PoolKilled, Repairing) {
  if (!may_trace()) {
    GTEST_SKIP() << "no process may be traced here";
  }
  Prepared prepared;
  PoolRange& pool = prepared.pool;
  const PoolFigures before = pool.figures();
  // Killed in between the journal and the tags.
  std::vector<uint8_t> half;
  const auto release = [&] { pool.release(prepared.blocks[2]); };
  stop_everywhere(pool, release, [&](unsigned) {
    if (half.empty() && pool.heap.header()->journal.writes != 0) {
      half = pool.copy();
    }
  });
  ASSERT_FALSE(half.empty());
  pool.restore(half);
  const auto repair = [&] {
    if (pool.heap.begin()) {
      pool.heap.end();
    }
  };
  const unsigned stops = stop_everywhere(pool, repair, [&](unsigned instructions) {
    ASSERT_TRUE(pool.is_consistent()) << "killed after " << instructions;
    ASSERT_EQ(pool.figures().frees, before.frees + 1);
  });
  EXPECT_GT(stops, 200U);
}

}  // namespace
}  // namespace heaptag::area_pools::testing
