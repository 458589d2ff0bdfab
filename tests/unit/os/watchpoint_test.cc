#include "core/os/watchpoint.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <thread>

namespace heaptag::os {
namespace {

alignas(8) volatile uint64_t words[4];
volatile int traps = 0;
volatile int wrong = 0;
volatile unsigned last_which = 0;

void on_trap(int /*number*/, siginfo_t* info, void* /*context*/) {
  unsigned which = 99;
  uintptr_t address = 0;
  if (!is_watch_trap(info, &which, &address) ||
      address != reinterpret_cast<uintptr_t>(&words[which])) {
    wrong = wrong + 1;
  }
  last_which = which;
  traps = traps + 1;
}

// Each in a process of its own: the descriptors stay open.
class Watchpoints : public testing::Test {
 protected:
  static void run(void (*body)()) {
    const pid_t child = fork();
    if (child == 0) {
      struct sigaction action {};

      action.sa_sigaction = on_trap;
      action.sa_flags = SA_SIGINFO;
      sigaction(SIGTRAP, &action, nullptr);
      if (!open_watchpoints()) {
        _exit(77);
      }
      body();
      _exit(wrong == 0 && !testing::Test::HasFailure() ? 0 : 1);
    }
    int status = -1;
    waitpid(child, &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
      GTEST_SKIP() << "the kernel gives no watchpoints";
    }
    EXPECT_EQ(status, 0);
  }

  static bool watch_word(unsigned which, bool writes_only) {
    return watch(which, reinterpret_cast<uintptr_t>(&words[which]), writes_only);
  }

  static int traps_of(void (*action)()) {
    traps = 0;
    action();
    return traps;
  }

  static void write_first() { words[0] = words[1] + 1; }

  static void read_first() { (void)words[0]; }

  // A part of it, by a function of libc.
  static void write_byte() { std::memset(const_cast<uint64_t*>(&words[0]) + 0, 1, 1); }
};

TEST_F(Watchpoints, WritesAndReadsAreCaught) {
  run([] {
    EXPECT_EQ(traps_of(write_first), 0);
    EXPECT_TRUE(watch_word(0, true));
    EXPECT_EQ(traps_of(write_first), 1);
    EXPECT_EQ(traps_of(read_first), 0);
    EXPECT_GE(traps_of(write_byte), 1);
    EXPECT_TRUE(watch_word(0, false));
    EXPECT_EQ(traps_of(read_first), 1);
    unwatch(0);
    EXPECT_EQ(traps_of(write_first), 0);
    EXPECT_TRUE(watch_word(0, true));
    EXPECT_EQ(traps_of(write_first), 1);
  });
}

TEST_F(Watchpoints, FourStandAtOnceAndMove) {
  run([] {
    for (unsigned which = 0; which < kWatchpoints; ++which) {
      EXPECT_TRUE(watch_word(which, true));
    }
    for (unsigned which = 0; which < kWatchpoints; ++which) {
      traps = 0;
      words[which] = which;
      EXPECT_EQ(traps, 1);
      EXPECT_EQ(last_which, which);
    }
  });
}

TEST_F(Watchpoints, ThreadsThatStartLaterAreWatched) {
  run([] {
    EXPECT_TRUE(watch_word(0, true));
    traps = 0;
    std::thread([] { write_first(); }).join();
    EXPECT_EQ(traps, 1);
    // One that is there already when the watchpoint moves.
    unwatch(0);
    int ends[2];
    EXPECT_EQ(pipe(ends), 0);
    traps = 0;
    std::thread other([&ends] {
      char byte = 0;
      EXPECT_EQ(read(ends[0], &byte, 1), 1);
      write_first();
    });
    EXPECT_TRUE(watch_word(0, true));
    EXPECT_EQ(write(ends[1], "x", 1), 1);
    other.join();
    EXPECT_EQ(traps, 1);
  });
}

TEST_F(Watchpoints, AForkedChildIsNotWatchedAndChangesNothing) {
  run([] {
    EXPECT_TRUE(watch_word(0, true));
    const pid_t child = fork();
    if (child == 0) {
      const bool is_watched = traps_of(write_first) != 0;
      unwatch(0);
      _exit(is_watched || watch_word(1, true) ? 1 : 0);
    }
    int status = -1;
    waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
    EXPECT_EQ(traps_of(write_first), 1);
  });
}

TEST_F(Watchpoints, ClosedDescriptorsOfOthersAreLeftAlone) {
  run([] {
    EXPECT_EQ(close_range(3, ~0U, 0), 0);
    EXPECT_FALSE(watch_word(0, true));
    const int other = eventfd(5, 0);
    for (int fd = 4; fd < 1024; ++fd) {
      dup2(other, fd);
    }
    EXPECT_FALSE(watch_word(0, true));
    unwatch(0);
    uint64_t value = 0;
    EXPECT_EQ(read(other, &value, sizeof value), 8);
    EXPECT_EQ(traps_of(write_first), 0);
  });
}

TEST_F(Watchpoints, OtherTrapsAreNotTakenForOurs) {
  siginfo_t info{};
  info.si_code = TRAP_TRACE;
  unsigned which = 0;
  uintptr_t address = 0;
  EXPECT_FALSE(is_watch_trap(&info, &which, &address));
  info.si_code = 6;
  EXPECT_FALSE(is_watch_trap(&info, &which, &address));
}

}  // namespace
}  // namespace heaptag::os
