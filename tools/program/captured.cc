#include "tools/program/captured.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>

namespace heaptag::tools {
namespace {

constexpr size_t kMostBytes = size_t{1} << 20;
constexpr auto kPatience = std::chrono::seconds(20);

std::vector<char*> pointers_to(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (const std::string& text : texts) {
    pointers.push_back(const_cast<char*>(text.c_str()));
  }
  pointers.push_back(nullptr);
  return pointers;
}

/// Reads to the end. False when it takes too long, or is too much.
bool read_to_end(int fd, std::string& output) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    pollfd wait = {fd, POLLIN, 0};
    const int ready = left.count() <= 0 ? 0 : poll(&wait, 1, static_cast<int>(left.count()));
    if (ready < 0 && errno == EINTR) {
      continue;
    }
    char bytes[4096];
    const ssize_t got = ready <= 0 ? -1 : read(fd, bytes, sizeof bytes);
    if (got <= 0) {
      return got == 0;
    }
    output.append(bytes, static_cast<size_t>(got));
    if (output.size() > kMostBytes) {
      return false;
    }
  }
}

}  // namespace

Captured capture(const std::vector<std::string>& argv,
                 const std::vector<std::string>& environment) {
  Captured captured;
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) {
    return captured;
  }
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&files, ends[1], 1);
  posix_spawn_file_actions_adddup2(&files, ends[1], 2);
  pid_t child = 0;
  const int error = posix_spawn(&child, argv[0].c_str(), &files, nullptr, pointers_to(argv).data(),
                                pointers_to(environment).data());
  posix_spawn_file_actions_destroy(&files);
  close(ends[1]);
  if (error == 0) {
    if (!read_to_end(ends[0], captured.output)) {
      kill(child, SIGKILL);
    }
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    captured.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    captured.killed_by_signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  }
  close(ends[0]);
  return captured;
}

std::vector<std::string> plain_environment() {
  std::vector<std::string> entries;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string text = *entry;
    if (!text.starts_with("LD_PRELOAD=") && !text.starts_with("HEAPTAG_")) {
      entries.push_back(text);
    }
  }
  return entries;
}

}  // namespace heaptag::tools
