#include "core/os/signals.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <cstdint>

#include "core/os/vm.h"

namespace heaptag::os {
namespace {

volatile sig_atomic_t handled = 0;
sigset_t blocked_in_handler;

void handle(int number) {
  handled = number;
  sigprocmask(SIG_BLOCK, nullptr, &blocked_in_handler);
}

TEST(Signals, HandlerIsWhatLibcSees) {
  ASSERT_TRUE(handle_signal(SIGUSR2, handle));

  struct sigaction action {};

  ASSERT_EQ(sigaction(SIGUSR2, nullptr, &action), 0);
  EXPECT_EQ(action.sa_handler, handle);
  EXPECT_EQ(action.sa_flags & (SA_RESTART | SA_ONSTACK), SA_RESTART | SA_ONSTACK);
  raise(SIGUSR2);
  EXPECT_EQ(handled, SIGUSR2);
  EXPECT_TRUE(sigismember(&blocked_in_handler, SIGTERM));
  signal(SIGUSR2, SIG_DFL);
  EXPECT_FALSE(handle_signal(SIGKILL, handle));
  EXPECT_FALSE(handle_signal(65, handle));
}

bool is_pending(int number) {
  sigset_t pending;
  sigpending(&pending);
  return sigismember(&pending, number) == 1;
}

class SignalBlocks : public testing::TestWithParam<Blocked> {};

INSTANTIATE_TEST_SUITE_P(Each, SignalBlocks, testing::Values(Blocked::kAll, Blocked::kOfWriting));

TEST_P(SignalBlocks, TakeAwayWhatWritingRaises) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  close(ends[0]);
  {
    const SignalBlock block(GetParam());
    EXPECT_EQ(write(ends[1], "x", 1), -1);
    EXPECT_TRUE(is_pending(SIGPIPE));
  }
  EXPECT_FALSE(is_pending(SIGPIPE));  // and we live
  close(ends[1]);
}

TEST_P(SignalBlocks, LeaveThePrograms) {
  sigset_t pipe_only;
  sigemptyset(&pipe_only);
  sigaddset(&pipe_only, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &pipe_only, nullptr);
  raise(SIGPIPE);
  { const SignalBlock block(GetParam()); }
  EXPECT_TRUE(is_pending(SIGPIPE));
  int number = 0;
  sigwait(&pipe_only, &number);
  pthread_sigmask(SIG_UNBLOCK, &pipe_only, nullptr);
}

TEST_P(SignalBlocks, EndWithTheMaskOfBefore) {
  ASSERT_TRUE(handle_signal(SIGUSR1, handle));
  handled = 0;
  {
    const SignalBlock block(GetParam());
    raise(SIGUSR1);
    EXPECT_EQ(handled == 0, GetParam() == Blocked::kAll);
  }
  EXPECT_EQ(handled, SIGUSR1);
  signal(SIGUSR1, SIG_DFL);
}

void* seen_frame = nullptr;

void look(void* context) {
  seen_frame = __builtin_frame_address(0);
  *static_cast<int*>(context) += 1;
}

TEST(Signals, AnotherStackIsUsedAndLeft) {
  char* stack = static_cast<char*>(map_pages(16 * kPageBytes));
  ASSERT_NE(stack, nullptr);
  int context = 6;
  call_on_stack(stack + 16 * kPageBytes, look, &context);
  EXPECT_EQ(context, 7);
  EXPECT_GT(seen_frame, static_cast<void*>(stack));
  EXPECT_LT(seen_frame, static_cast<void*>(stack + 16 * kPageBytes));
  EXPECT_EQ(reinterpret_cast<uintptr_t>(seen_frame) % 16, 0U);
  unmap(stack, 16 * kPageBytes);
}

}  // namespace
}  // namespace heaptag::os
