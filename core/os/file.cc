#include "core/os/file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "core/os/syscall.h"

namespace heaptag::os {

namespace {

constexpr long kRenameNoReplace = 1;

constexpr long kFirstOther = 3;

// A program that has closed its standard streams may go on writing to their numbers: not into ours.
long move_from_standard(long fd) {
  if (is_error(fd) || fd >= kFirstOther) {
    return fd;
  }
  const long moved = raw_syscall(SYS_fcntl, fd, F_DUPFD_CLOEXEC, kFirstOther);
  raw_syscall(SYS_close, fd);
  return moved;
}

long open_raw(const char* path, int flags, unsigned mode) {
  return move_from_standard(raw_syscall(SYS_openat, AT_FDCWD, reinterpret_cast<long>(path),
                                        flags | O_CLOEXEC, static_cast<long>(mode)));
}

}  // namespace

MappedFile map_file(const char* path) {
  MappedFile file;
  const long fd = open_raw(path, O_RDONLY | O_NONBLOCK, 0);
  if (is_error(fd)) {
    return file;
  }

  struct stat info {};

  if (!is_error(raw_syscall(SYS_fstat, fd, reinterpret_cast<long>(&info))) &&
      S_ISREG(info.st_mode) && info.st_size > 0) {
    const long at = raw_syscall(SYS_mmap, 0, info.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (!is_error(at)) {
      file.data = reinterpret_cast<const uint8_t*>(at);
      file.size_bytes = static_cast<size_t>(info.st_size);
    }
  }
  close_file(static_cast<int>(fd));
  return file;
}

void unmap_file(MappedFile file) {
  if (file.data != nullptr) {
    raw_syscall(SYS_munmap, reinterpret_cast<long>(file.data), static_cast<long>(file.size_bytes));
  }
}

long read_file(const char* path, char* buffer, size_t capacity) {
  const long fd = open_raw(path, O_RDONLY, 0);
  if (is_error(fd)) {
    return fd;
  }
  size_t filled = 0;
  long result = 0;
  while (filled + 1 < capacity) {
    result = raw_syscall(SYS_read, fd, reinterpret_cast<long>(buffer + filled),
                         static_cast<long>(capacity - 1 - filled));
    if (result == -EINTR) {
      continue;
    }
    if (result <= 0) {
      break;
    }
    filled += static_cast<size_t>(result);
  }
  close_file(static_cast<int>(fd));
  buffer[filled] = '\0';
  return result < 0 ? result : static_cast<long>(filled);
}

int create_file(const char* path, unsigned mode) {
  return static_cast<int>(open_raw(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode));
}

int append_file(const char* path, unsigned mode) {
  const long fd = open_raw(path, O_WRONLY | O_CREAT | O_APPEND | O_NOCTTY | O_NONBLOCK, mode);
  if (!is_error(fd)) {
    raw_syscall(SYS_fcntl, fd, F_SETFL, O_WRONLY | O_APPEND);
  }
  return static_cast<int>(fd);
}

int duplicate_file(int fd) {
  return static_cast<int>(raw_syscall(SYS_fcntl, fd, F_DUPFD_CLOEXEC, kFirstOther));
}

bool write_all(int fd, const void* data, size_t size_bytes) {
  const char* from = static_cast<const char*>(data);
  while (size_bytes > 0) {
    const long result =
        raw_syscall(SYS_write, fd, reinterpret_cast<long>(from), static_cast<long>(size_bytes));
    if (result == -EINTR) {
      continue;
    }
    if (result <= 0) {
      return false;
    }
    from += result;
    size_bytes -= static_cast<size_t>(result);
  }
  return true;
}

void close_file(int fd) {
  raw_syscall(SYS_close, fd);
}

long read_link(const char* path, char* buffer, size_t capacity) {
  const long result = raw_syscall(SYS_readlink, reinterpret_cast<long>(path),
                                  reinterpret_cast<long>(buffer), static_cast<long>(capacity - 1));
  buffer[is_error(result) ? 0 : result] = '\0';
  return result;
}

long rename_new(const char* from, const char* to) {
  const long old_name = reinterpret_cast<long>(from);
  const long new_name = reinterpret_cast<long>(to);
  const long renamed =
      raw_syscall(SYS_renameat2, AT_FDCWD, old_name, AT_FDCWD, new_name, kRenameNoReplace);
  if (!is_error(renamed) || renamed == -EEXIST) {
    return renamed;
  }
  // Not every file system can do that, and not every file system has links.
  const long linked = raw_syscall(SYS_linkat, AT_FDCWD, old_name, AT_FDCWD, new_name, 0);
  if (!is_error(linked)) {
    remove_file(from);
    return 0;
  }
  return linked == -EEXIST || exists(to) ? -EEXIST : raw_syscall(SYS_rename, old_name, new_name);
}

void remove_file(const char* path) {
  raw_syscall(SYS_unlink, reinterpret_cast<long>(path));
}

bool exists(const char* path) {
  struct stat info {};

  return !is_error(raw_syscall(SYS_newfstatat, AT_FDCWD, reinterpret_cast<long>(path),
                               reinterpret_cast<long>(&info), AT_SYMLINK_NOFOLLOW));
}

bool is_directory(const char* path) {
  struct stat info {};

  return !is_error(raw_syscall(SYS_newfstatat, AT_FDCWD, reinterpret_cast<long>(path),
                               reinterpret_cast<long>(&info), 0)) &&
         S_ISDIR(info.st_mode);
}

bool is_device_or_pipe(const char* path) {
  struct stat info {};

  return !is_error(raw_syscall(SYS_newfstatat, AT_FDCWD, reinterpret_cast<long>(path),
                               reinterpret_cast<long>(&info), 0)) &&
         !S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode);
}

long current_directory(char* buffer, size_t capacity) {
  return raw_syscall(SYS_getcwd, reinterpret_cast<long>(buffer), static_cast<long>(capacity));
}

}  // namespace heaptag::os
