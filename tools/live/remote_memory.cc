#include "tools/live/remote_memory.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "tools/live/live_error.h"
#include "tools/live/proc_files.h"

namespace heaptag::tools {
namespace {

constexpr size_t kMostPieces = 1024;  // of one call: IOV_MAX

[[noreturn]] void throw_changed(pid_t pid) {
  throw LiveError(
      fmt::format("process {} ended, or executed another program, while it was read", pid));
}

[[noreturn]] void throw_error(pid_t pid, int error) {
  if (error == EPERM || error == EACCES) {
    throw LiveError(permission_text(pid));
  }
  if (error == ESRCH || error == ENOENT || error == EFAULT || error == EIO) {
    throw_changed(pid);
  }
  throw LiveError(fmt::format("process {} cannot be read: {}", pid, std::strerror(error)));
}

}  // namespace

RemoteMemory::~RemoteMemory() {
  if (file_ >= 0) {
    close(file_);
  }
}

bool RemoteMemory::read_calls(std::span<const Piece> pieces) {
  std::vector<iovec> local;
  std::vector<iovec> remote;
  ssize_t wanted = 0;
  for (const Piece& piece : pieces) {
    local.push_back({piece.to, piece.size_bytes});
    remote.push_back({reinterpret_cast<void*>(piece.address), piece.size_bytes});
    wanted += static_cast<ssize_t>(piece.size_bytes);
  }
  const ssize_t got =
      process_vm_readv(pid_, local.data(), local.size(), remote.data(), remote.size(), 0);
  if (got == wanted) {
    return true;
  }
  if (got < 0 && (errno == ENOSYS || errno == EPERM || errno == EACCES)) {
    return false;
  }
  throw_error(pid_, got < 0 ? errno : EFAULT);
}

void RemoteMemory::read_file(std::span<const Piece> pieces) {
  for (const Piece& piece : pieces) {
    const ssize_t got = pread(file_, piece.to, piece.size_bytes, static_cast<off_t>(piece.address));
    if (got != static_cast<ssize_t>(piece.size_bytes)) {
      throw_error(pid_, got < 0 ? errno : EFAULT);
    }
  }
}

void RemoteMemory::read(std::span<const Piece> pieces) {
  while (!pieces.empty()) {
    const auto some = pieces.first(std::min(pieces.size(), kMostPieces));
    if (file_ < 0 && !read_calls(some)) {
      // A sandbox may forbid the call but not the file.
      file_ = open(fmt::format("/proc/{}/mem", pid_).c_str(), O_RDONLY | O_CLOEXEC);
      if (file_ < 0) {
        throw_error(pid_, errno);
      }
    }
    if (file_ >= 0) {
      read_file(some);
    }
    pieces = pieces.subspan(some.size());
  }
}

std::string RemoteMemory::text(uint64_t address) {
  constexpr size_t kMostBytes = 4096;
  constexpr size_t kPageBytes = 4096;
  std::string result;
  while (address != 0 && result.size() < kMostBytes) {
    // The next page need not be there.
    char bytes[kPageBytes];
    const size_t size_bytes = kPageBytes - address % kPageBytes;
    read(address, bytes, size_bytes);
    const size_t length = strnlen(bytes, size_bytes);
    result.append(bytes, length);
    if (length < size_bytes) {
      break;
    }
    address += size_bytes;
  }
  return result;
}

std::string permission_text(pid_t pid) {
  const std::string name = program_of(pid);
  const ProcessStatus status = read_status(pid);
  uint64_t scope = 0;
  if (status.effective_uid != geteuid()) {
    return fmt::format("process {} ({}) belongs to uid {} and may not be read; sudo heaptag ...",
                       pid, name, status.effective_uid);
  }
  if (read_number_file("/proc/sys/kernel/yama/ptrace_scope", scope) && scope != 0) {
    return fmt::format(
        "process {} ({}) may not be read: kernel.yama.ptrace_scope={} lets only {} read it; use "
        "sudo heaptag ...",
        pid, name, scope, scope == 1 ? "root and its ancestors" : "root");
  }
  return fmt::format(
      "process {} ({}) may not be read (ptrace): it changed its user or is not dumpable, or we run "
      "in a sandbox; sudo heaptag ..., in a container with CAP_SYS_PTRACE",
      pid, name);
}

}  // namespace heaptag::tools
