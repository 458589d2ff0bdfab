// A heap over one range of memory, which other processes may share at addresses of their own:
// everything in it is an offset. Knows no areas. Layer: core/area_pools.  Allocates: no.
//
// A call of allocate, resize or release happens wholly or not at all, at whatever instruction its
// process may be killed: see pool_layout.h. Finding a block takes a bit map and a list, freeing one
// looks at its two neighbours; both are joined with what is freed between them.
#pragma once

#include "core/area_pools/pool_layout.h"

namespace heaptag::area_pools {

/// What was wrong with a pointer or with the pool. All but kNone: the call has changed nothing, but
/// for what is counted.
enum class Fault : uint8_t {
  kNone,
  kNoBlock,     // no block begins there, or what was before it has been written over
  kDoubleFree,  // one began there, and was freed
  kDamaged,     // a tag is not what it was: the pool is bad from here on
};

/// A process's view of a pool. Pre of all that changes something: the caller has the pool's lock.
class PoolHeap {
 public:
  /// The most that one pool can hold (64 GiB); the rest of a larger range is never used.
  static constexpr size_t kMaxBytes = size_t{UINT32_MAX} * kUnitBytes;
  static constexpr size_t kMinBytes = 4096;

  /// Makes a pool of zeroed memory. `base` is a multiple of a page, and `size_bytes` kMinBytes or
  /// more. `key` should be one that nobody can guess.
  void make(void* base, size_t size_bytes, uint64_t key);

  /// Looks at memory that another process has made a pool of. False when it is none, or none yet.
  bool open(void* base, size_t size_bytes);

  /// The memory reaches further now; base and pool stay.
  void set_size(size_t size_bytes) { size_bytes_ = size_bytes; }

  uint64_t key() const { return key_; }

  PoolHeader* header() const { return static_cast<PoolHeader*>(base_); }

  /// Between these two the pool is changed. begin() finishes or forgets what somebody has died at.
  /// False when the pool is bad: then nothing may be called but end().
  bool begin();

  void end() { __atomic_store_n(&header()->is_changing, 0, __ATOMIC_RELEASE); }

  /// The offset of a block for so many bytes, on 16 bytes; 0 when there is none.
  size_t allocate(size_t requested);

  /// Takes the block at `offset` back.
  Fault release(size_t offset);

  struct Resized {
    Fault fault;
    size_t offset;  // 0: there is no room, and the block is as it was
  };

  /// The block with another size, in place where that can be.
  Resized resize(size_t offset, size_t requested);

  /// Is there a block in use, and how many bytes were asked for / may be written?
  Fault find(size_t offset, size_t* requested, size_t* usable) const;

  /// More memory behind the pool. False when the pool is at its end.
  bool grow(size_t size_bytes);

  void count_failed() { add_one(header()->failed); }

  void count_refused() { add_one(header()->refused); }

  bool is_good() const;

  /// Since it was asked last: has anybody written into a freed block, and were lists made anew?
  bool take_stray_write() {
    const bool was_met = met_stray_write_;
    met_stray_write_ = false;
    return was_met;
  }

  void mark_bad() { __atomic_store_n(&header()->state, PoolState::kBad, __ATOMIC_RELEASE); }

  /// What a walk over all tags finds.
  struct Walk {
    Unit damaged_at;  // 0: nowhere
    uint64_t used_blocks;
    uint64_t requested_bytes;
    uint64_t usable_bytes;
    uint64_t free_blocks;
    uint64_t free_bytes;     // that could be asked for, were each block asked for alone
    uint64_t largest_bytes;  // of them, at once
  };

  Walk walk() const;

  /// Walks, and looks whether lists and figures say the same as the tags.
  bool is_consistent() const;

  /// Makes lists and figures anew from the tags. False, and the pool is bad: tags are damaged.
  bool repair();

  uint64_t live_bytes() const {
    return header()->figures.allocated_bytes - header()->figures.freed_bytes;
  }

 private:
  // A block, whose tag has been checked.
  struct Block {
    Unit at = 0;  // 0: there is none
    BlockTag tag = {};

    Unit end() const { return at + tag.units; }

    bool is_free() const { return at != 0 && tag.state == BlockState::kFree; }

    size_t usable() const { return (tag.units - kTagUnits) * kUnitBytes; }

    size_t requested() const { return usable() - tag.slack; }
  };

  // What a call is about to change.
  class Change;

  static void add_one(uint64_t& counter) {
    __atomic_store_n(&counter, counter + 1, __ATOMIC_RELAXED);
  }

  BlockTag* tag_at(Unit at) const { return static_cast<BlockTag*>(base_) + at; }

  FreeLinks* links_at(Unit at) const { return reinterpret_cast<FreeLinks*>(tag_at(at) + 1); }

  // pool_heap.cc
  bool read(Unit at, Block* block) const;
  bool read_behind(const Block& block, Block* behind) const;
  bool read_neighbours(const Block& block, Block* before, Block* behind) const;
  Fault find_block(size_t offset, Block* block) const;
  Fault take_free(uint32_t units, size_t requested, Unit* taken);
  Fault free_block(const Block& block);
  Fault resize_in_place(const Block& block, Unit limit, uint32_t units, size_t requested);
  Fault place(Change* change, const Block& block, Unit limit, uint32_t units, size_t requested);
  void commit(const Change& change);
  void finish_change();
  Fault damaged();

  // pool_lists.cc
  bool is_in_list(Unit at, Unit previous, uint32_t bin, Block* block) const;
  bool take_from_list(const Block& block);
  bool take_both(const Block& one, const Block& other);
  bool take_from_lists(const Block& one, const Block& other);
  void put_in_list(Unit at, uint32_t units);
  bool find_free(uint32_t units, Block* found) const;
  bool search_list(uint32_t bin, uint32_t units, uint64_t most, Block* found) const;
  uint32_t next_bin(uint32_t from) const;
  bool are_lists_whole(uint64_t free_blocks) const;

  // pool_repair.cc
  bool repair_lists();
  bool redo_journal();
  void make_lists();
  void recount(const Walk& walk);

  void* base_ = nullptr;
  size_t size_bytes_ = 0;
  uint64_t key_ = 0;
  Unit end_ = 0;  // what header()->end was at begin()
  bool met_stray_write_ = false;
};

}  // namespace heaptag::area_pools
