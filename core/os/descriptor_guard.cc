#include "core/os/descriptor_guard.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "core/os/file.h"
#include "core/os/syscall.h"

namespace heaptag::os {

namespace {

// Above what programs count on, below the usual limit of 1024.
constexpr int kHighNumbers[] = {900, 200, 60, 20};

}  // namespace

GuardedDescriptor guard_descriptor(int fd) {
  GuardedDescriptor guarded;
  for (int lowest : kHighNumbers) {
    const long copy = raw_syscall(SYS_fcntl, fd, F_DUPFD_CLOEXEC, lowest);
    if (is_error(copy)) {
      continue;
    }

    struct stat info {};

    if (is_error(raw_syscall(SYS_fstat, copy, reinterpret_cast<long>(&info)))) {
      close_file(static_cast<int>(copy));
      break;
    }
    guarded.fd = static_cast<int>(copy);
    guarded.device = info.st_dev;
    guarded.inode = info.st_ino;
    break;
  }
  return guarded;
}

GuardedDescriptor note_descriptor(int fd) {
  struct stat info {};

  if (is_error(raw_syscall(SYS_fstat, fd, reinterpret_cast<long>(&info)))) {
    return {};
  }
  return {fd, info.st_dev, info.st_ino};
}

bool is_same_file(const GuardedDescriptor& guarded) {
  struct stat info {};

  return guarded.fd >= 0 &&
         !is_error(raw_syscall(SYS_fstat, guarded.fd, reinterpret_cast<long>(&info))) &&
         info.st_dev == guarded.device && info.st_ino == guarded.inode;
}

bool send_syslog(const char* message, size_t size_bytes) {
  const long fd = raw_syscall(SYS_socket, AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (is_error(fd)) {
    return false;
  }
  const sockaddr_un address{AF_UNIX, "/dev/log"};
  const long sent =
      raw_syscall(SYS_sendto, fd, reinterpret_cast<long>(message), static_cast<long>(size_bytes),
                  MSG_NOSIGNAL | MSG_DONTWAIT, reinterpret_cast<long>(&address), sizeof(address));
  close_file(static_cast<int>(fd));
  return !is_error(sent);
}

}  // namespace heaptag::os
