#include "tools/run/launcher.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <climits>
#include <csignal>
#include <cstdlib>

#include "tools/program/executable.h"

namespace heaptag::tools {
namespace {

constexpr int kForwarded[] = {SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH};

// The child, for the handler that passes signals on. Written before the signals are unblocked.
volatile sig_atomic_t forward_to = 0;

extern "C" void forward_signal(int signal_number, siginfo_t* info, void* /*context*/) {
  // What the kernel sends (hang-up, the keys of a terminal) goes to the whole process group: the
  // program has it already.
  if (forward_to > 0 && info->si_code != SI_KERNEL) {
    const int saved_errno = errno;
    kill(forward_to, signal_number);
    errno = saved_errno;
  }
}

/// The dispositions that the waiter changes, with the original ones for the child.
class WaiterSignals {
 public:
  /// Blocks everything that could arrive between fork and the moment the handlers are ready.
  /// SIGCHLD must not be ignored while the child runs: the kernel would drop its status.
  WaiterSignals() {
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &mask_);
    struct sigaction standard = {};
    standard.sa_handler = SIG_DFL;
    sigaction(SIGCHLD, &standard, &sigchld_);
  }

  void restore_in_child() const {
    sigaction(SIGCHLD, &sigchld_, nullptr);
    sigprocmask(SIG_SETMASK, &mask_, nullptr);
  }

  void wait_in_parent(pid_t child) const {
    forward_to = child;
    struct sigaction ignore = {};
    ignore.sa_handler = SIG_IGN;
    for (const int signal_number : {SIGPIPE, SIGXFSZ}) {
      sigaction(signal_number, &ignore, nullptr);
    }
    for (const int signal_number : kForwarded) {
      struct sigaction before = {};
      sigaction(signal_number, nullptr, &before);
      if (before.sa_handler != SIG_IGN) {  // nohup stays nohup
        struct sigaction forward = {};
        forward.sa_sigaction = forward_signal;
        forward.sa_flags = SA_SIGINFO | SA_RESTART;
        sigaction(signal_number, &forward, nullptr);
      }
    }
    sigset_t mask = mask_;
    for (const int signal_number : kForwarded) {
      sigdelset(&mask, signal_number);
    }
    sigprocmask(SIG_SETMASK, &mask, nullptr);
  }

 private:
  sigset_t mask_ = {};
  struct sigaction sigchld_ = {};
};

std::vector<char*> argument_pointers(const std::vector<std::string>& program) {
  std::vector<char*> pointers;
  for (const std::string& argument : program) {
    pointers.push_back(const_cast<char*>(argument.c_str()));
  }
  pointers.push_back(nullptr);
  return pointers;
}

/// As execvpe, which hands to /bin/sh what the kernel does not know; but not what is no text.
void execute(char* const* arguments, char* const* environment) {
  const std::string file = find_executable(arguments[0]);
  if (kind_of(file) == FileKind::kData || kind_of(file) == FileKind::kElf) {
    execve(file.c_str(), arguments, environment);
  } else {
    execvpe(arguments[0], arguments, environment);
  }
}

[[noreturn]] void run_child(const std::vector<std::string>& program,
                            ProgramEnvironment& environment,
                            const WaiterSignals& signals,
                            int error_fd) {
  environment.set("HEAPTAG_ROOT", std::to_string(getpid()));
  char* const* environment_pointers = environment.data();
  std::vector<char*> arguments = argument_pointers(program);
  signals.restore_in_child();
  execute(arguments.data(), environment_pointers);
  const int error = errno;
  // Nothing can be done when even this fails: the parent then sees a status of 127 by itself.
  [[maybe_unused]] const ssize_t written = write(error_fd, &error, sizeof error);
  _exit(127);
}

/// Reads what the child wrote before it gave up: nothing when its exec closed the pipe.
int read_exec_errno(int fd) {
  int error = 0;
  ssize_t got = 0;
  do {
    got = read(fd, &error, sizeof error);
  } while (got < 0 && errno == EINTR);
  return got == static_cast<ssize_t>(sizeof error) ? error : 0;
}

/// Notes what the child executes, now and then, until it ends: afterwards nobody can tell.
void watch(pid_t child, Outcome& outcome) {
  constexpr int kLongestMs = 128;
  const int fd = static_cast<int>(syscall(SYS_pidfd_open, child, 0));
  pollfd end = {fd, POLLIN, 0};
  const std::string link = "/proc/" + std::to_string(child) + "/exe";
  for (int wait_ms = 1; fd >= 0; wait_ms = std::min(2 * wait_ms, kLongestMs)) {
    const int ready = poll(&end, 1, wait_ms);
    if (ready > 0 || (ready < 0 && errno != EINTR)) {
      break;
    }
    char file[PATH_MAX];
    const ssize_t size = readlink(link.c_str(), file, sizeof file);
    if (size > 0) {
      outcome.last_file.assign(file, static_cast<size_t>(size));
    }
  }
  if (fd >= 0) {
    close(fd);
  }
}

void wait_for(pid_t child, Outcome& outcome) {
  watch(child, outcome);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  forward_to = 0;
  if (WIFSIGNALED(status)) {
    outcome.killed_by_signal = WTERMSIG(status);
  } else {
    outcome.exit_status = WEXITSTATUS(status);
  }
}

}  // namespace

std::optional<Outcome> launch(const std::vector<std::string>& program,
                              ProgramEnvironment environment) {
  int error_pipe[2];
  if (pipe2(error_pipe, O_CLOEXEC) != 0) {
    return std::nullopt;
  }
  const auto begin = std::chrono::steady_clock::now();
  const WaiterSignals signals;
  const pid_t child = fork();
  if (child < 0) {
    const int error = errno;
    signals.restore_in_child();
    close(error_pipe[0]);
    close(error_pipe[1]);
    errno = error;
    return std::nullopt;
  }
  if (child == 0) {
    run_child(program, environment, signals, error_pipe[1]);
  }
  Outcome outcome;
  outcome.pid = child;
  signals.wait_in_parent(child);
  close(error_pipe[1]);
  outcome.exec_errno = read_exec_errno(error_pipe[0]);
  close(error_pipe[0]);
  wait_for(child, outcome);
  outcome.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return outcome;
}

int replace_self(const std::vector<std::string>& program, ProgramEnvironment environment) {
  environment.set("HEAPTAG_ROOT", std::to_string(getpid()));
  char* const* environment_pointers = environment.data();
  std::vector<char*> arguments = argument_pointers(program);
  execute(arguments.data(), environment_pointers);
  return errno;
}

void end_like(const Outcome& outcome) {
  if (outcome.killed_by_signal == 0) {
    std::exit(outcome.exit_status);
  }
  // The core of the program is the interesting one. A core that is piped to a handler ignores the
  // limit, hence both.
  const rlimit no_core = {0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  prctl(PR_SET_DUMPABLE, 0);
  signal(outcome.killed_by_signal, SIG_DFL);
  sigset_t only_this;
  sigemptyset(&only_this);
  sigaddset(&only_this, outcome.killed_by_signal);
  sigprocmask(SIG_UNBLOCK, &only_this, nullptr);
  kill(getpid(), outcome.killed_by_signal);
  std::exit(128 + outcome.killed_by_signal);  // as a shell says it, should the signal not kill us
}

}  // namespace heaptag::tools
