#include "core/os/fault.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>

#include "core/os/vm.h"

namespace heaptag::os {
namespace {

struct Seen {
  int looks;
  Fault fault;
  int calls;
  bool hook_blocks_all;
};

Seen* seen;  // shared with children
char* pages;

void look(const Fault& fault) {
  sigset_t blocked;
  sigprocmask(SIG_BLOCK, nullptr, &blocked);
  seen->fault = fault;
  seen->hook_blocks_all = sigismember(&blocked, SIGTERM) == 1;
  ++seen->looks;
}

void open_pages(int /*number*/) {
  ++seen->calls;
  mprotect(pages, kPageBytes, PROT_READ | PROT_WRITE | PROT_EXEC);
}

void set_handler(int number, void (*handler)(int), uint32_t flags = 0) {
  const SignalAction action{reinterpret_cast<uintptr_t>(handler), flags, 0};
  ASSERT_TRUE(change_fault_action(number, &action, nullptr));
}

class Faults : public testing::Test {
 protected:
  void SetUp() override {
    seen = static_cast<Seen*>(
        mmap(nullptr, kPageBytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    pages = static_cast<char*>(reserve(kPageBytes));
  }

  void TearDown() override {
    unmap(seen, kPageBytes);
    unmap(pages, kPageBytes);
  }

  // In a child, whose faults are ours. Returns what wait says.
  static int in_child(const std::function<void()>& body) {
    const pid_t child = fork();
    if (child == 0) {
      alarm(20);
      signal(SIGSEGV, SIG_DFL);
      signal(SIGBUS, SIG_DFL);
      if (own_faults(look)) {
        body();
      }
      _exit(0);
    }
    int status = -1;
    waitpid(child, &status, 0);
    return status;
  }
};

uintptr_t page_address(size_t offset) {
  return reinterpret_cast<uintptr_t>(pages) + offset;
}

TEST_F(Faults, AreLookedAtAndThenEndTheProcess) {
  EXPECT_EQ(in_child([] { *static_cast<volatile char*>(pages + 3) = 1; }) & 0x7F, SIGSEGV);
  EXPECT_EQ(seen->looks, 1);
  EXPECT_EQ(seen->fault.number, SIGSEGV);
  EXPECT_EQ(seen->fault.address, page_address(3));
  EXPECT_TRUE(seen->fault.is_write);
  EXPECT_FALSE(seen->fault.is_execution || seen->fault.is_sent);
  EXPECT_NE(seen->fault.pc, 0U);
  EXPECT_NE(seen->fault.sp, 0U);
  EXPECT_TRUE(seen->hook_blocks_all);
}

TEST_F(Faults, ReadsAndJumpsAreTold) {
  in_child([] { (void)*static_cast<volatile char*>(pages + 4095); });
  EXPECT_EQ(seen->fault.address, page_address(4095));
  EXPECT_FALSE(seen->fault.is_write || seen->fault.is_execution);
  in_child([] { reinterpret_cast<void (*)()>(pages)(); });
  EXPECT_EQ(seen->fault.address, page_address(0));
  EXPECT_EQ(seen->fault.pc, page_address(0));
  EXPECT_TRUE(seen->fault.is_execution);
  EXPECT_FALSE(seen->fault.is_write);
  const int status = in_child([] {
    uintptr_t no_address = 0x123456789ABCDEF0;
    *reinterpret_cast<volatile char*>(no_address) = 1;
  });
  EXPECT_EQ(status & 0x7F, SIGSEGV);
  EXPECT_EQ(seen->fault.address, 0U);
  EXPECT_EQ(seen->looks, 3);
}

TEST_F(Faults, TheHandlerOfTheProgramComesAfterwards) {
  const int status = in_child([] {
    set_handler(SIGSEGV, open_pages);
    *static_cast<volatile char*>(pages) = 1;
  });
  EXPECT_EQ(status, 0);
  EXPECT_EQ(seen->looks, 1);
  EXPECT_EQ(seen->calls, 1);
}

TEST_F(Faults, AHandlerForOnceIsCalledOnce) {
  const int status = in_child([] {
    set_handler(SIGSEGV, open_pages, SA_RESETHAND);
    *static_cast<volatile char*>(pages) = 1;
    hide(pages, kPageBytes);
    *static_cast<volatile char*>(pages) = 1;
  });
  EXPECT_EQ(status & 0x7F, SIGSEGV);
  EXPECT_EQ(seen->looks, 2);
  EXPECT_EQ(seen->calls, 1);
}

TEST_F(Faults, WhatIsSentIsNotShown) {
  EXPECT_EQ(in_child([] { raise(SIGSEGV); }) & 0x7F, SIGSEGV);
  EXPECT_EQ(in_child([] { kill(getpid(), SIGBUS); }) & 0x7F, SIGBUS);
  EXPECT_EQ(in_child([] {
              set_handler(SIGSEGV, SIG_IGN);
              raise(SIGSEGV);
            }),
            0);
  EXPECT_EQ(seen->looks, 0);
  EXPECT_EQ(in_child([] {
              set_handler(SIGSEGV, SIG_IGN);
              *static_cast<volatile char*>(pages) = 1;
            }) & 0x7F,
            SIGSEGV);
  EXPECT_EQ(seen->looks, 1);
}

TEST_F(Faults, ActionsAreKeptAsTheyWere) {
  const int status = in_child([] {
    constexpr auto kFlags = static_cast<uint32_t>(SA_SIGINFO | SA_ONSTACK | SA_RESETHAND);
    const SignalAction action{0x7FFF'1234'5678, kFlags, 0x8000'0000'0000'0001};
    SignalAction old{1, 1, 1};
    bool good = change_fault_action(SIGBUS, &action, &old) && old.handler == 0;
    good = good && change_fault_action(SIGBUS, nullptr, &old) && old.handler == action.handler &&
           (old.flags & kFlags) == kFlags && old.mask == action.mask;
    _exit(good && owns_faults(SIGBUS) && !owns_faults(SIGFPE) ? 0 : 1);
  });
  EXPECT_EQ(status, 0);
  EXPECT_FALSE(owns_faults(SIGSEGV));
}

bool take_of_three(const Fault& trap, const void* /*info*/) {
  seen->fault = trap;
  return ++seen->looks == 3;
}

void count(int /*number*/) {
  ++seen->calls;
}

TEST_F(Faults, TrapsThatNobodyTakesAreTheProgramsOwn) {
  const int status = in_child([] {
    signal(SIGTRAP, SIG_DFL);
    if (owns_faults(SIGTRAP) || !own_traps(take_of_three) || !owns_faults(SIGTRAP)) {
      _exit(1);
    }
    set_handler(SIGTRAP, count);
    for (int i = 0; i < 4; ++i) {
      __asm__ volatile("int3");
    }
    raise(SIGTRAP);  // sent: no look
    set_handler(SIGTRAP, SIG_DFL);
    __asm__ volatile("int3");
  });
  EXPECT_EQ(seen->looks, 5);
  EXPECT_EQ(seen->calls, 4);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGTRAP) << status;
}

}  // namespace
}  // namespace heaptag::os
