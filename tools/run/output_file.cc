#include "tools/run/output_file.h"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <ctime>

#include "core/base/descriptor_path.h"
#include "tools/text/write_all.h"

namespace heaptag::tools {
namespace {

constexpr unsigned kMostNumbers = 100000;  // beyond, something else is wrong

std::string host_name() {
  char name[256] = {};
  return gethostname(name, sizeof name - 1) == 0 ? name : "localhost";
}

/// A slash in a program's name would lead elsewhere.
std::string as_file_name(std::string text) {
  for (char& c : text) {
    c = c == '/' ? '_' : c;
  }
  return text;
}

std::string expand(const std::string& pattern, const Process& process, unsigned number) {
  std::string path;
  for (size_t i = 0; i < pattern.size(); ++i) {
    const char next = pattern[i] == '%' && i + 1 < pattern.size() ? pattern[i + 1] : '\0';
    switch (next) {
      case 'p':
        path += std::to_string(process.pid);
        break;
      case 'e':
        path += as_file_name(process.program);
        break;
      case 't':
        path += fmt::format("{:%Y%m%dT%H%M%S}", fmt::gmtime(std::time(nullptr)));
        break;
      case 'h':
        path += as_file_name(host_name());
        break;
      case 'n':
        path += std::to_string(number);
        break;
      case '%':
        path += '%';
        break;
      default:
        path += pattern[i];
        continue;
    }
    ++i;
  }
  return path;
}

/// Returns the error of the first failing step; the descriptor is closed in any case.
int write_and_close(int fd, const std::string& text) {
  int error = write_all(fd, text);
  if (close(fd) != 0 && error == 0) {
    error = errno;
  }
  return error;
}

/// What is no regular file, or is named as one of our descriptors.
WrittenFile write_into(const std::string& path, const std::string& text) {
  WrittenFile file{path};
  const int named = descriptor_of_path(path);
  const int fd = named >= 0 ? fcntl(named, F_DUPFD_CLOEXEC, 0)
                            : open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY);
  file.error = fd < 0 ? errno : write_and_close(fd, text);
  return file;
}

bool is_written_into(const std::string& path) {
  struct stat status = {};
  return descriptor_of_path(path) >= 0 ||
         (stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode));
}

constexpr int kCreate = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW;

}  // namespace

bool has_placeholder(const std::string& path_pattern, char letter) {
  for (size_t i = 0; i + 1 < path_pattern.size(); ++i) {
    if (path_pattern[i] == '%' && path_pattern[++i] == letter) {
      return true;
    }
  }
  return false;
}

WrittenFile write_new_file(const std::string& path_pattern,
                           const Process& process,
                           const std::string& text) {
  WrittenFile file;
  const bool numbered = has_placeholder(path_pattern, 'n');
  for (unsigned number = 0; number < kMostNumbers; ++number) {
    file.path = expand(path_pattern, process, number);
    if (!numbered && number != 0) {
      file.path += "." + std::to_string(number);
    }
    const int fd = open(file.path.c_str(), kCreate, 0666);
    if (fd >= 0) {
      file.error = write_and_close(fd, text);
      return file;
    }
    file.error = errno;
    if (file.error == EEXIST && is_written_into(file.path)) {
      return write_into(file.path, text);
    }
    if (file.error != EEXIST) {
      return file;
    }
  }
  return file;
}

WrittenFile replace_file(const std::string& path_pattern,
                         const Process& process,
                         const std::string& text) {
  WrittenFile file;
  file.path = expand(path_pattern, process, 0);
  if (is_written_into(file.path)) {
    return write_into(file.path, text);
  }
  const std::string fresh = file.path + ".new." + std::to_string(getpid());
  const int fd = open(fresh.c_str(), kCreate, 0666);
  if (fd < 0) {
    file.error = errno;
    return file;
  }
  file.error = write_and_close(fd, text);
  if (file.error == 0 && rename(fresh.c_str(), file.path.c_str()) != 0) {
    file.error = errno;
  }
  if (file.error != 0) {
    unlink(fresh.c_str());
  }
  return file;
}

}  // namespace heaptag::tools
