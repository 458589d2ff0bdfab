// A process whose figures move between tables all the time is read in a tight loop: what moves is
// neither missed nor seen twice. Faster than whole commands can look, so that a span's figures are
// more than what the program counts between two looks.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <string>

#include "tools/live/figure_reader.h"
#include "tools/live/find_descriptor.h"
#include "tools/live/live_error.h"

namespace heaptag::tools {
namespace {

/// A program of tests/programs under the library, from its "ready" until it is killed.
class BusyProgram {
 public:
  BusyProgram(const std::string& library, const std::string& program) {
    int ends[2];
    if (pipe(ends) != 0) {
      return;
    }
    pid_ = fork();
    if (pid_ == 0) {
      dup2(ends[1], STDOUT_FILENO);
      setenv("LD_PRELOAD", library.c_str(), 1);
      execl(program.c_str(), program.c_str(), "2", nullptr);
      _exit(127);
    }
    close(ends[1]);
    char ready[8] = {};
    is_ready_ = read(ends[0], ready, sizeof ready) > 0;
    close(ends[0]);
  }

  ~BusyProgram() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }

  BusyProgram(const BusyProgram&) = delete;
  BusyProgram& operator=(const BusyProgram&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }

  [[nodiscard]] bool is_ready() const { return is_ready_; }

 private:
  pid_t pid_ = 0;
  bool is_ready_ = false;
};

TEST(FigureReader, MissesNothingThatMoves) {
  const std::string library = HEAPTAG_TEST_BUILD "/libheaptag.so";
  const std::string program = HEAPTAG_TEST_BUILD "/tests/programs/folds";
  if (access(library.c_str(), R_OK) != 0 || access(program.c_str(), X_OK) != 0) {
    GTEST_SKIP() << "needs " << library << " and " << program;
  }
  const BusyProgram busy(library, program);
  ASSERT_TRUE(busy.is_ready());
  RemoteMemory memory(busy.pid());
  const wire::Descriptor descriptor = find_descriptor(memory);
  LiveFigures before;
  for (int i = 0; i < 5000; ++i) {
    const LiveFigures now = FigureReader(memory, descriptor).read();
    ASSERT_GE(now.owners.size(), before.owners.size());
    for (size_t owner = 0; owner < now.owners.size(); ++owner) {
      const wire::OwnerCounters& sum = now.owners[owner];
      ASSERT_GE(sum.allocations, sum.frees);
      ASSERT_GE(sum.allocated_bytes, sum.freed_bytes);
      if (owner < before.owners.size()) {
        ASSERT_GE(sum.allocations, before.owners[owner].allocations) << owner << " in look " << i;
        ASSERT_GE(sum.frees, before.owners[owner].frees) << owner << " in look " << i;
        ASSERT_GE(sum.allocated_bytes, before.owners[owner].allocated_bytes) << owner;
        ASSERT_GE(sum.freed_bytes, before.owners[owner].freed_bytes) << owner;
      }
    }
    before = now;
  }
}

TEST(FigureReader, NeedsAProcessUnderHeaptag) {
  RemoteMemory own(getpid());
  EXPECT_THROW(find_descriptor(own), LiveError);
}

}  // namespace
}  // namespace heaptag::tools
