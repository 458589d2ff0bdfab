// A model of the allocator for tests: every block with its address, size, contents, alignment and
// the site that it is charged to, and what the figures of every site must be. A Model belongs to
// one thread; blocks may move between models, and the figures of all of them add up.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <unordered_map>
#include <vector>

#include "tests/unit/allocator/site_figures.h"

namespace heaptag::allocator::testing {

/// More than any machine has: such a request fails.
inline constexpr size_t kTooMuch = size_t{1} << 44;

struct Block {
  unsigned char* at = nullptr;
  size_t size = 0;
  size_t usable = 0;
  size_t alignment = kMinAlignment;
  uint32_t site = 0;
  uint64_t seed = 0;
};

class Model {
 public:
  Model(const std::vector<uintptr_t>& sites, uint64_t seed)
      : sites_(sites), charged_(sites.size()), random_(seed) {}

  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  uint64_t random() { return random_(); }

  uint64_t random_below(uint64_t limit) { return random_() % limit; }

  bool one_in(uint64_t n) { return random_below(n) == 0; }

  uint32_t random_site() { return static_cast<uint32_t>(random_below(sites_.size())); }

  /// Half of the sites have a favourite size, as most call sites of programs do.
  size_t random_size(uint32_t site) {
    if (site % 2 == 0 && !one_in(10)) {
      return site * 37 % 1200;
    }
    const uint64_t kind = random_below(1000);
    if (kind < 800) {
      return random_below(600);
    }
    if (kind < 970) {
      return random_below(heap::kLargestClassBytes + 100);
    }
    return random_below(kind < 995 ? 300'000 : 4'000'000);
  }

  /// A new block in one of the ways that there are. `at` is null when there is no memory.
  Block make() {
    const uint32_t site = random_site();
    const size_t size = random_size(site);
    switch (random_below(10)) {
      case 0:
        return make_zeroed(site, size);
      case 1:
        return make_aligned(site, size, size_t{1} << random_below(one_in(8) ? 21 : 13));
      default:
        return make_plain(site, size);
    }
  }

  Block make_plain(uint32_t site, size_t size) {
    return adopt(allocate(size, sites_[site]), size, kMinAlignment, site);
  }

  Block make_zeroed(uint32_t site, size_t size) {
    const EntryFrame caller{0, sites_[site]};
    void* at = allocate_zeroed(size, &caller);
    const auto* bytes = static_cast<const unsigned char*>(at);
    if (at != nullptr && size != 0 &&
        (bytes[0] != 0 || std::memcmp(bytes, bytes + 1, size - 1) != 0)) {
      ADD_FAILURE() << "calloc of " << size << " is not zero";
    }
    return adopt(at, size, kMinAlignment, site);
  }

  Block make_aligned(uint32_t site, size_t size, size_t alignment) {
    alignment = alignment < kMinAlignment ? kMinAlignment : alignment;
    return adopt(allocate_aligned(alignment, size, sites_[site]), size, alignment, site);
  }

  void resize(Block* block) {
    const uint32_t site = random_site();
    const uint64_t kind = random_below(4);
    const size_t size = kind == 0   ? block->size + random_below(100) + 1
                        : kind == 1 ? block->size / 2 + 1
                                    : random_size(site) + 1;
    resize_to(block, site, size);
  }

  /// Charges as the contract says: an allocation for the new site, a free for the old one.
  void resize_to(Block* block, uint32_t site, size_t size) {
    check(*block);
    const Block old = *block;
    void* moved = reallocate(block->at, size, sites_[site]);
    if (moved == nullptr) {
      ++charged_[site].failed;
      check(*block);
      return;
    }
    ++reallocations_;
    charge_free(old);
    const size_t kept = old.usable < size ? old.usable : size;
    if (!visit_pattern(static_cast<unsigned char*>(moved), old.usable, kept, old.seed, false)) {
      ADD_FAILURE() << "realloc from " << old.size << " to " << size << " lost contents";
    }
    *block = adopt(moved, size, kMinAlignment, site);
  }

  void release(const Block& block) {
    check(block);
    charge_free(block);
    deallocate(block.at);
  }

  /// Calls that cannot succeed: counted where they are made, and nothing else happens.
  void fail(Block* block) {
    const uint32_t site = random_site();
    switch (random_below(5)) {
      case 0:
        EXPECT_EQ(allocate(kTooMuch, sites_[site]), nullptr);
        break;
      case 1: {
        const EntryFrame caller{0, sites_[site]};
        EXPECT_EQ(allocate_zeroed(kTooMuch, &caller), nullptr);
        break;
      }
      case 2:
        EXPECT_EQ(allocate_aligned(64, kTooMuch, sites_[site]), nullptr);
        break;
      case 3:
        count_failure(sites_[site]);
        break;
      default:
        if (block == nullptr) {
          return;
        }
        EXPECT_EQ(reallocate(block->at, kTooMuch, sites_[site]), nullptr);
        check(*block);
    }
    ++charged_[site].failed;
  }

  void check(const Block& block) {
    if (!visit_pattern(block.at, block.usable, block.usable, block.seed, false)) {
      ADD_FAILURE() << "a block of " << block.size << " at " << static_cast<void*>(block.at)
                    << " was overwritten";
    }
    if (usable_size(block.at) != block.usable) {
      ADD_FAILURE() << "usable size changed from " << block.usable << " to "
                    << usable_size(block.at);
    }
  }

  /// One call of any kind on the blocks of this thread, of which there should be about `target`.
  void step(std::vector<Block>* blocks, size_t target) {
    if (one_in(200)) {
      fail(blocks->empty() ? nullptr : &(*blocks)[random_below(blocks->size())]);
    } else if (!blocks->empty() && one_in(6)) {
      resize(&(*blocks)[random_below(blocks->size())]);
    } else if (random_below(10) < (blocks->size() < target ? 7U : 3U)) {
      const Block block = make();
      if (block.at != nullptr) {
        blocks->push_back(block);
      }
    } else if (!blocks->empty()) {
      Block& chosen = (*blocks)[random_below(blocks->size())];
      release(chosen);
      chosen = blocks->back();
      blocks->pop_back();
    }
  }

  void add_to(std::vector<OwnerCounters>* sums, uint64_t* reallocations) const {
    for (size_t i = 0; i < charged_.size(); ++i) {
      (*sums)[i] += charged_[i];
    }
    *reallocations += reallocations_;
  }

 private:
  // Takes a block that the allocator has handed out: fills all of it that is usable.
  Block adopt(void* at, size_t size, size_t alignment, uint32_t site) {
    if (at == nullptr) {
      ++charged_[site].failed;
      return {};
    }
    Block block{static_cast<unsigned char*>(at), size, usable_size(at), alignment, site, random_()};
    EXPECT_GE(block.usable, size);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(at) % alignment, 0U) << size;
    visit_pattern(block.at, block.usable, block.usable, block.seed, true);
    OwnerCounters& owner = charged_[site];
    ++owner.allocations;
    owner.allocated_bytes += size;
    owner.allocated_usable += block.usable;
    return block;
  }

  void charge_free(const Block& block) {
    OwnerCounters& owner = charged_[block.site];
    ++owner.frees;
    owner.freed_bytes += block.size;
    owner.freed_usable += block.usable;
  }

  // Writes (or compares the first `kept` bytes of) a pattern over a block of `size` bytes: all of a
  // small one, both ends and the start of every page of a large one. False when it differs.
  static bool visit_pattern(
      unsigned char* at, size_t size, size_t kept, uint64_t seed, bool write) {
    constexpr size_t kWholeBytes = 16384;
    constexpr size_t kEndBytes = 256;
    if (size <= kWholeBytes) {
      return visit_bytes(at, 0, size, kept, seed, write);
    }
    bool same = visit_bytes(at, 0, kEndBytes, kept, seed, write);
    for (size_t page = 4096; page + kEndBytes < size; page += 4096) {
      same = visit_bytes(at, page, page + 16, kept, seed, write) && same;
    }
    return visit_bytes(at, (size - kEndBytes) & ~size_t{7}, size, kept, seed, write) && same;
  }

  static bool visit_bytes(
      unsigned char* at, size_t from, size_t to, size_t kept, uint64_t seed, bool write) {
    to = to < kept ? to : kept;
    for (size_t offset = from; offset < to; offset += 8) {
      const uint64_t word = seed + offset * 0x9E3779B97F4A7C15U;
      const size_t length = to - offset < 8 ? to - offset : 8;
      if (write) {
        std::memcpy(at + offset, &word, length);
      } else if (std::memcmp(at + offset, &word, length) != 0) {
        return false;
      }
    }
    return true;
  }

  const std::vector<uintptr_t>& sites_;
  std::vector<OwnerCounters> charged_;
  uint64_t reallocations_ = 0;
  std::mt19937_64 random_;
};

/// The figures before a run; afterwards they must have changed by what the models say.
class Expectation {
 public:
  explicit Expectation(const std::vector<uintptr_t>& sites)
      : sites_(sites), sums_(sites.size()), before_(sums_of_threads()) {}

  void add(const Model& model) { model.add_to(&sums_, &reallocations_); }

  /// Of sites that nobody has used before.
  void compare_sites() const {
    const std::unordered_map<uintptr_t, OwnerCounters> all = figures_of_sites();
    for (size_t i = 0; i < sites_.size(); ++i) {
      const auto found = all.find(sites_[i]);
      ASSERT_EQ(found == all.end() ? OwnerCounters{} : found->second, sums_[i]) << "site " << i;
    }
  }

  void compare() const {
    compare_sites();
    int64_t live_bytes = 0;
    int64_t live_usable = 0;
    int64_t live_blocks = 0;
    for (const OwnerCounters& sum : sums_) {
      live_bytes += static_cast<int64_t>(sum.allocated_bytes - sum.freed_bytes);
      live_usable += static_cast<int64_t>(sum.allocated_usable - sum.freed_usable);
      live_blocks += static_cast<int64_t>(sum.allocations - sum.frees);
    }
    const ThreadSums now = sums_of_threads();
    EXPECT_GE(now.held_bytes - before_.held_bytes, live_bytes);
    EXPECT_LE(now.held_bytes - before_.held_bytes, live_usable + live_blocks);
    EXPECT_EQ(now.reallocations - before_.reallocations, reallocations_);
    EXPECT_EQ(now.foreign_frees, before_.foreign_frees);
  }

 private:
  const std::vector<uintptr_t>& sites_;
  std::vector<OwnerCounters> sums_;
  uint64_t reallocations_ = 0;
  ThreadSums before_;
};

}  // namespace heaptag::allocator::testing
