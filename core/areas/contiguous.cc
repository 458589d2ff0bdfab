#include "core/areas/contiguous.h"

#include "core/base/units.h"
#include "core/os/shared_memory.h"
#include "core/os/syscall.h"
#include "core/os/vm.h"

namespace heaptag::areas {

namespace {

constexpr int kAttempts = 8;

// The pages belong to the file: where it is mapped for the moment does not matter, so here it is
// aligned as the kernel wants it for a large page.
uint8_t* map_aligned(int fd, size_t size_bytes) {
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const size_t room = size_bytes + os::kLargePageBytes;
    void* reserved = os::reserve(room);
    if (reserved == nullptr) {
      return nullptr;
    }
    const uintptr_t at = align_up(reinterpret_cast<uintptr_t>(reserved), os::kLargePageBytes);
    os::unmap(reserved, room);
    const long result =
        os::map_shared(fd, size_bytes, os::kMayRead | os::kMayWrite, reinterpret_cast<void*>(at));
    if (!os::is_error(result)) {
      return reinterpret_cast<uint8_t*>(result);
    }
  }
  return nullptr;
}

enum class Order { kFollow, kScattered, kUnknown };

// Frame numbers are told to the privileged only.
Order order_of(const uint8_t* at, size_t size_bytes) {
  const uint64_t first = os::frame_of(at);
  if (first == 0) {
    return Order::kUnknown;
  }
  for (size_t page = 1; page < size_bytes / os::kPageBytes; ++page) {
    if (os::frame_of(at + page * os::kPageBytes) != first + page) {
      return Order::kScattered;
    }
  }
  return Order::kFollow;
}

}  // namespace

Status make_contiguous(int fd, size_t size_bytes) {
  if (size_bytes == os::kPageBytes) {
    return kOk;  // a page cannot be anything else
  }
  // One large page, or several, which may happen to follow each other.
  const size_t whole = align_up(size_bytes, os::kLargePageBytes);
  if (os::is_error(os::set_file_size(fd, whole))) {
    return kNoMemory;
  }
  uint8_t* at = map_aligned(fd, whole);
  if (at == nullptr) {
    os::set_file_size(fd, size_bytes);
    return kNoMemory;
  }
  Order order = Order::kScattered;
  if (!os::is_error(os::give_memory(fd, 0, whole))) {
    const bool is_large = !os::is_error(os::collapse(at, whole));
    // What was not touched has no frame to be told yet.
    for (size_t offset = 0; offset < size_bytes; offset += os::kPageBytes) {
      reinterpret_cast<volatile uint8_t*>(at)[offset] = 0;
    }
    order = order_of(at, size_bytes);
    if (order == Order::kUnknown && is_large && whole == os::kLargePageBytes) {
      order = Order::kFollow;
    }
  }
  os::unmap(at, whole);
  const bool cut = !os::is_error(os::set_file_size(fd, size_bytes));
  return cut && order == Order::kFollow ? kOk : kNoMemory;
}

}  // namespace heaptag::areas
