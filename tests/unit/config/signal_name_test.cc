#include "core/config/signal_name.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <string>

#include "core/base/format.h"

namespace heaptag::config {
namespace {

struct Answer {
  int number;
  std::string advice;
};

Answer read(const std::string& text) {
  char buffer[96];
  BufferSink advice(buffer, sizeof buffer);
  const int number = read_signal(text, advice.sink());
  EXPECT_FALSE(advice.truncated()) << text;
  EXPECT_EQ(number == 0, !advice.view().empty()) << text;
  return {number, std::string(advice.view())};
}

TEST(SignalName, EverySpelling) {
  for (const char* name : {"USR1", "SIGUSR1", "usr1", "SigUsr1", "10"}) {
    EXPECT_EQ(read(name).number, SIGUSR1) << name;
  }
  EXPECT_EQ(read("HUP").number, SIGHUP);
  EXPECT_EQ(read("VTALRM").number, SIGVTALRM);
  EXPECT_EQ(read("SIGWINCH").number, SIGWINCH);
  EXPECT_EQ(read("POLL").number, read("IO").number);
}

TEST(SignalName, RealTimeSignalsCountAsInLibc) {
  EXPECT_EQ(read("RTMIN").number, SIGRTMIN);
  EXPECT_EQ(read("SIGRTMIN+5").number, SIGRTMIN + 5);
  EXPECT_EQ(read("rtmax").number, SIGRTMAX);
  EXPECT_EQ(read("RTMAX-30").number, SIGRTMAX - 30);
  for (const char* name :
       {"RTMIN+31", "RTMAX-31", "RTMIN-1", "RTMAX+1", "RTMIN+", "RTMIN2", "RT"}) {
    EXPECT_EQ(read(name).advice, "is no signal; the nearest is RTMIN+1") << name;
  }
}

// What libc calls a signal that a program may handle, and is not refused, is that signal.
TEST(SignalName, EveryNumber) {
  int usable = 0;
  for (int number = 1; number <= 64; ++number) {
    const Answer answer = read(std::to_string(number));
    EXPECT_TRUE(answer.number == number || answer.number == 0) << number;
    usable += answer.number != 0 ? 1 : 0;
    const char* name = sigabbrev_np(number);
    if (name != nullptr) {
      EXPECT_EQ(read(name).number, answer.number) << name;
      EXPECT_EQ(read(name).advice, answer.advice) << name;
    }
  }
  EXPECT_EQ(usable, 64 - 14);
}

TEST(SignalName, WhatIsRefusedSaysWhy) {
  for (const char* name : {"KILL", "STOP", "SEGV", "BUS", "FPE", "ILL", "ABRT", "IOT", "TRAP",
                           "SYS", "TSTP", "TTIN", "TTOU", "32", "33"}) {
    EXPECT_NE(read(name).advice.find(": use USR1"), std::string::npos) << name;
  }
  EXPECT_EQ(read("9").advice, read("SIGKILL").advice);
}

TEST(SignalName, WhatIsNoneNamesTheNearest) {
  EXPECT_EQ(read("USR3").advice, "is no signal; the nearest is USR1");
  EXPECT_EQ(read("SIGTERMS").advice, "is no signal; the nearest is TERM");
  EXPECT_EQ(read("0").advice, "is no signal: they go from 1 to 64");
  EXPECT_EQ(read("65").advice, "is no signal: they go from 1 to 64");
  EXPECT_EQ(read("").advice, "is empty: give a signal, as USR1");
  for (const char* name : {"-1", "+5", "1 ", " 1", "0x10", "10000000000", "SIG", "SIGSIGUSR1"}) {
    EXPECT_EQ(read(name).number, 0) << name;
  }
  EXPECT_EQ(read(std::string(5000, 'U')).number, 0);
}

}  // namespace
}  // namespace heaptag::config
