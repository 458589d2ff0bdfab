// Our own, after shell scripts and builds: a program that does nothing, some hundred times, by fork
// and exec. Stresses what an allocator costs before main and after exit, in time (that of the whole
// tree is measured) and in memory (the peak is that of one process). The programs inherit the
// preload.
#include <sys/wait.h>
#include <unistd.h>

#include "bench/micro/micro.h"

namespace {

constexpr const char* kProgram = "/bin/true";

void run_once() {
  const pid_t child = fork();
  if (child == 0) {
    execl(kProgram, kProgram, static_cast<char*>(nullptr));
    _exit(127);
  }
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child || status != 0) {
    bench::fail("a program did not run");
  }
}

}  // namespace

int main(int argc, char** argv) {
  const uint64_t programs = bench::work(argc, argv, 800, 3);
  for (uint64_t i = 0; i < programs; ++i) {
    run_once();
  }
  return bench::finish("startup", programs, 0);
}
