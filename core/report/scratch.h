// Memory for the time of a report: pages of its own, all given back at the end.
// Layer: core/report.
#pragma once

#include <span>

#include "core/base/types.h"
#include "core/base/units.h"
#include "core/os/vm.h"

namespace heaptag::report {

/// Hands out zeroed arrays; frees all of them when it goes. Null arrays when the kernel refuses:
/// `failed` tells.
class Scratch {
 public:
  Scratch() = default;

  ~Scratch() {
    while (last_ != nullptr) {
      Header* previous = last_->previous;
      os::unmap(last_, last_->size_bytes);
      last_ = previous;
    }
  }

  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  template <typename T>
  std::span<T> array(size_t count) {
    if (count == 0) {
      return {};
    }
    T* items = static_cast<T*>(take(count * sizeof(T)));
    return items == nullptr ? std::span<T>{} : std::span<T>{items, count};
  }

  bool failed() const { return failed_; }

 private:
  struct alignas(64) Header {
    Header* previous;
    size_t size_bytes;
  };

  void* take(size_t size_bytes) {
    const size_t total = align_up(size_bytes + sizeof(Header), os::kPageBytes);
    auto* header = static_cast<Header*>(os::map_pages(total));
    if (header == nullptr) {
      failed_ = true;
      return nullptr;
    }
    header->previous = last_;
    header->size_bytes = total;
    last_ = header;
    return header + 1;
  }

  Header* last_ = nullptr;
  bool failed_ = false;
};

}  // namespace heaptag::report
