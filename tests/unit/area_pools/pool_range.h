// A pool for the tests: pages that forked children share, between pages that nobody may touch, so
// that whoever leaves the pool is seen.
#pragma once

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cstdint>
#include <cstring>
#include <vector>

#include "core/area_pools/pool_heap.h"

namespace heaptag::area_pools::testing {

constexpr uint64_t kTestKey = 0x0123456789abcdef;

class PoolRange {
 public:
  explicit PoolRange(size_t size_bytes, size_t room_bytes = 0)
      : size_bytes_(size_bytes), mapped_bytes_(size_bytes + room_bytes + 2 * kGuardBytes) {
    void* mapped =
        mmap(nullptr, mapped_bytes_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    EXPECT_NE(mapped, MAP_FAILED);
    begin_ = static_cast<uint8_t*>(mapped);
    EXPECT_EQ(mprotect(begin_, kGuardBytes, PROT_NONE), 0);
    EXPECT_EQ(mprotect(begin_ + mapped_bytes_ - kGuardBytes, kGuardBytes, PROT_NONE), 0);
    make();
  }

  ~PoolRange() { munmap(begin_, mapped_bytes_); }

  PoolRange(const PoolRange&) = delete;
  PoolRange& operator=(const PoolRange&) = delete;

  void make() {
    memset(base(), 0, size_bytes_);
    heap.make(base(), size_bytes_, kTestKey);
  }

  uint8_t* base() const { return begin_ + kGuardBytes; }

  uint8_t* at(size_t offset) const { return base() + offset; }

  size_t size() const { return size_bytes_; }

  std::vector<uint8_t> copy() const { return {base(), base() + size_bytes_}; }

  void restore(const std::vector<uint8_t>& bytes) { memcpy(base(), bytes.data(), bytes.size()); }

  size_t allocate(size_t bytes) {
    EXPECT_TRUE(heap.begin());
    const size_t offset = heap.allocate(bytes);
    heap.end();
    return offset;
  }

  Fault release(size_t offset) {
    EXPECT_TRUE(heap.begin());
    const Fault fault = heap.release(offset);
    heap.end();
    return fault;
  }

  size_t resize(size_t offset, size_t bytes) {
    EXPECT_TRUE(heap.begin());
    const PoolHeap::Resized resized = heap.resize(offset, bytes);
    EXPECT_EQ(resized.fault, Fault::kNone);
    heap.end();
    return resized.offset;
  }

  bool is_consistent() {
    const bool is_good = heap.begin();
    const bool is_whole = is_good && heap.is_consistent();
    if (is_good) {
      heap.end();
    }
    return is_whole;
  }

  const PoolFigures& figures() const { return heap.header()->figures; }

  PoolHeap heap;

 private:
  static constexpr size_t kGuardBytes = 1 << 20;

  size_t size_bytes_;
  size_t mapped_bytes_;
  uint8_t* begin_;
};

}  // namespace heaptag::area_pools::testing
