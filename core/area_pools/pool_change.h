// The tags and figures that a call is about to write, all at once. Layer: core/area_pools.
#pragma once

#include "core/area_pools/pool_heap.h"
#include "core/base/check.h"

namespace heaptag::area_pools {

class PoolHeap::Change {
 public:
  explicit Change(const PoolHeap& heap)
      : figures(heap.header()->figures), end(heap.end_), key_(heap.key_) {}

  void put(Unit at, uint32_t units, uint32_t before, BlockState state, size_t slack = 0) {
    HEAPTAG_CHECK(count_ < kJournalWrites && slack <= UINT8_MAX);
    BlockTag tag{units, before, state, static_cast<uint8_t>(slack), 0, 0};
    tag.check = check_of(tag, at, key_);
    writes_[count_++] = {at, 0, tag};
  }

  /// A block is as it was; the one before it has another size.
  void put_behind(const Block& behind, uint32_t before) {
    if (behind.at != 0) {
      put(behind.at, behind.tag.units, before, behind.tag.state, behind.tag.slack);
    }
  }

  /// It is no block any more, and says so to whoever frees it again.
  void put_absorbed(const Block& block) {
    put(block.at, block.tag.units, block.tag.before, BlockState::kAbsorbed);
  }

  void count_allocation(size_t requested, size_t usable) {
    ++figures.allocations;
    figures.allocated_bytes += requested;
    figures.allocated_usable += usable;
    const uint64_t live = figures.allocated_bytes - figures.freed_bytes;
    figures.peak_bytes = live > figures.peak_bytes ? live : figures.peak_bytes;
  }

  void count_free(const Block& block) {
    ++figures.frees;
    figures.freed_bytes += block.requested();
    figures.freed_usable += block.usable();
  }

  void write_to(Journal* journal) const {
    for (uint32_t i = 0; i < count_; ++i) {
      journal->write[i] = writes_[i];
    }
    journal->figures = figures;
    journal->end = end;
    __atomic_store_n(&journal->writes, count_, __ATOMIC_RELEASE);
  }

  PoolFigures figures;
  Unit end;

 private:
  uint64_t key_;
  uint32_t count_ = 0;
  TagWrite writes_[kJournalWrites];
};

}  // namespace heaptag::area_pools
