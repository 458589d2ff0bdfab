#include "core/zone/interrupt.h"

#include <gtest/gtest.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>

#include <thread>

namespace heaptag::zone {
namespace {

// What of a handler's call concerns us: its signal is blocked until it returns, or leaves by
// siglongjmp.
class Blocked {
 public:
  explicit Blocked(int number) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, number);
    pthread_sigmask(SIG_BLOCK, &set, &before_);
  }

  ~Blocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

  Blocked(const Blocked&) = delete;
  Blocked& operator=(const Blocked&) = delete;

 private:
  sigset_t before_;
};

// A handler for `number` that enters and then leaves without the end of its scope.
void enter_and_jump_out(int number) {
  const Blocked blocked(number);
  alignas(SignalInterrupt) char room[sizeof(SignalInterrupt)];
  new (room) SignalInterrupt(number);
  EXPECT_TRUE(is_in_interrupt());
}

TEST(Interrupt, NestsByCalls) {
  EXPECT_FALSE(is_in_interrupt());
  EXPECT_FALSE(leave_interrupt());
  enter_interrupt();
  enter_interrupt();
  EXPECT_TRUE(is_in_interrupt());
  EXPECT_TRUE(leave_interrupt());
  EXPECT_TRUE(is_in_interrupt());
  EXPECT_TRUE(leave_interrupt());
  EXPECT_FALSE(is_in_interrupt());
  EXPECT_FALSE(leave_interrupt());
}

TEST(Interrupt, IsOfOneThread) {
  enter_interrupt();
  std::thread([] {
    EXPECT_FALSE(is_in_interrupt());
    EXPECT_FALSE(leave_interrupt());
  }).join();
  EXPECT_TRUE(leave_interrupt());
}

TEST(Interrupt, EndsWithTheHandler) {
  {
    const Blocked blocked(SIGUSR1);
    const SignalInterrupt interrupt(SIGUSR1);
    EXPECT_TRUE(is_in_interrupt());
    {
      const Blocked inner_blocked(SIGUSR2);
      const SignalInterrupt inner(SIGUSR2);
      EXPECT_TRUE(is_in_interrupt());
    }
    EXPECT_TRUE(is_in_interrupt());
  }
  EXPECT_FALSE(is_in_interrupt());
}

TEST(Interrupt, EndsWithAJumpOutOfTheHandler) {
  for (int i = 0; i < 20; ++i) {
    enter_and_jump_out(SIGUSR1);
    EXPECT_FALSE(is_in_interrupt());
  }
}

// The outer one is a handler still, and ends by returning.
TEST(Interrupt, JumpIntoTheOuterHandler) {
  {
    const Blocked blocked(SIGUSR1);
    const SignalInterrupt interrupt(SIGUSR1);
    enter_and_jump_out(SIGUSR2);
    EXPECT_TRUE(is_in_interrupt());
  }
  EXPECT_FALSE(is_in_interrupt());
}

TEST(Interrupt, JumpOutOfBoth) {
  {
    const Blocked blocked(SIGUSR1);
    alignas(SignalInterrupt) char room[sizeof(SignalInterrupt)];
    new (room) SignalInterrupt(SIGUSR1);
    enter_and_jump_out(SIGUSR2);
    EXPECT_TRUE(is_in_interrupt());
  }
  EXPECT_FALSE(is_in_interrupt());
}

// The next handler finds nothing left of one that jumped out and was not asked about since.
TEST(Interrupt, AJumpIsForgottenByTheNextHandler) {
  for (int i = 0; i < 20; ++i) {
    enter_and_jump_out(SIGUSR1);
    {
      const Blocked blocked(SIGUSR2);
      const SignalInterrupt interrupt(SIGUSR2);
      EXPECT_TRUE(is_in_interrupt());
    }
    EXPECT_FALSE(is_in_interrupt());
  }
}

// SA_NODEFER: the mask tells nothing, the end of the handler does.
TEST(Interrupt, OfASignalThatIsNotBlocked) {
  {
    const SignalInterrupt interrupt(SIGUSR1);
    EXPECT_TRUE(is_in_interrupt());
    EXPECT_TRUE(is_in_interrupt());
  }
  EXPECT_FALSE(is_in_interrupt());
}

void nest(int number, int last) {
  const Blocked blocked(number);
  const SignalInterrupt interrupt(number);
  EXPECT_TRUE(is_in_interrupt());
  if (number != last) {
    nest(number + 1, last);
    EXPECT_TRUE(is_in_interrupt());
  }
}

TEST(Interrupt, OfMoreHandlersThanAreKept) {
  for (int depth = 0; depth < 20; ++depth) {
    nest(SIGRTMIN, SIGRTMIN + depth);
    EXPECT_FALSE(is_in_interrupt()) << depth;
  }
}

TEST(Interrupt, OfTheHighestSignal) {
  nest(SIGRTMAX, SIGRTMAX);
  EXPECT_FALSE(is_in_interrupt());
  enter_and_jump_out(SIGRTMAX);
  EXPECT_FALSE(is_in_interrupt());
}

// Real ones.
sigjmp_buf place;

void jump_out(int number) {
  const SignalInterrupt interrupt(number);
  EXPECT_TRUE(is_in_interrupt());
  siglongjmp(place, 1);
}

TEST(Interrupt, RealHandlersThatJumpOut) {
  struct sigaction action {};

  struct sigaction before {};

  action.sa_handler = jump_out;
  sigaction(SIGUSR1, &action, &before);
  static int i;  // outlives the jumps
  for (i = 0; i < 20; ++i) {
    if (sigsetjmp(place, 1) == 0) {
      raise(SIGUSR1);
      ADD_FAILURE();
    }
    EXPECT_FALSE(is_in_interrupt());
  }
  sigaction(SIGUSR1, &before, nullptr);
}

}  // namespace
}  // namespace heaptag::zone
