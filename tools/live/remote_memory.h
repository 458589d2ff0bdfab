// The memory of another process, read while it runs: no stop, no signal, no help from it.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace heaptag::tools {

/// One range to read, and where to.
struct Piece {
  uint64_t address = 0;
  void* to = nullptr;
  size_t size_bytes = 0;
};

class RemoteMemory {
 public:
  explicit RemoteMemory(pid_t pid) : pid_(pid) {}

  ~RemoteMemory();
  RemoteMemory(const RemoteMemory&) = delete;
  RemoteMemory& operator=(const RemoteMemory&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }

  /// Reads the pieces one after the other, each from its lowest address up: what the process wrote
  /// before something that an earlier piece has seen is seen by a later one.
  /// Errors: throws LiveError; no permission, no such process, no such memory.
  void read(std::span<const Piece> pieces);

  void read(uint64_t address, void* to, size_t size_bytes) {
    const Piece piece{address, to, size_bytes};
    read({&piece, 1});
  }

  template <typename T>
  T value(uint64_t address) {
    T read_value{};
    read(address, &read_value, sizeof read_value);
    return read_value;
  }

  /// A text with a NUL, cut at a few thousand bytes.
  std::string text(uint64_t address);

 private:
  bool read_calls(std::span<const Piece> pieces);
  void read_file(std::span<const Piece> pieces);

  pid_t pid_;
  int file_ = -1;  // /proc/PID/mem, where the system call is missing or forbidden
};

/// Why process `pid` may not be read, and what to do about it.
std::string permission_text(pid_t pid);

}  // namespace heaptag::tools
