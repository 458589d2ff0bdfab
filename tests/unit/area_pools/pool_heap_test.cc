#include "core/area_pools/pool_heap.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <random>

#include "tests/unit/area_pools/pool_range.h"

namespace heaptag::area_pools::testing {
namespace {

constexpr size_t kLargest = 65'536 - kHeaderBytes - kUnitBytes;

TEST(PoolHeap, HandsOutWhatItHas) {
  PoolRange pool(65'536);
  const size_t all = pool.allocate(kLargest);
  EXPECT_EQ(all, kHeaderBytes + kUnitBytes);
  EXPECT_EQ(pool.allocate(0), 0U);
  EXPECT_EQ(pool.heap.header()->failed, 1U);
  memset(pool.at(all), 0xff, kLargest);
  EXPECT_TRUE(pool.is_consistent());
  EXPECT_EQ(pool.release(all), Fault::kNone);
  EXPECT_EQ(pool.allocate(kLargest + 1), 0U);
  EXPECT_EQ(pool.allocate(SIZE_MAX), 0U);
  EXPECT_EQ(pool.allocate(PoolHeap::kMaxBytes), 0U);
  EXPECT_EQ(pool.allocate(kLargest), all);
  EXPECT_EQ(pool.figures().allocations, 2U);
  EXPECT_EQ(pool.figures().peak_bytes, kLargest);
}

TEST(PoolHeap, NoBytesHaveABlockOfTheirOwn) {
  PoolRange pool(65'536);
  const size_t one = pool.allocate(0);
  const size_t other = pool.allocate(0);
  EXPECT_NE(one, 0U);
  EXPECT_NE(one, other);
  EXPECT_EQ(one % 16, 0U);
  size_t requested = 1;
  size_t usable = 0;
  EXPECT_EQ(pool.heap.find(one, &requested, &usable), Fault::kNone);
  EXPECT_EQ(requested, 0U);
  EXPECT_EQ(usable, 16U);
}

// M4: in whatever order the blocks go, there is one in the end.
TEST(PoolHeap, JoinsAllThatIsFreed) {
  std::mt19937 random(4);
  for (int round = 0; round < 20; ++round) {
    PoolRange pool(65'536);
    std::vector<size_t> blocks;
    for (size_t block; (block = pool.allocate(random() % 700)) != 0;) {
      blocks.push_back(block);
    }
    ASSERT_GT(blocks.size(), 80U);
    std::shuffle(blocks.begin(), blocks.end(), random);
    for (const size_t block : blocks) {
      ASSERT_EQ(pool.release(block), Fault::kNone);
      ASSERT_TRUE(pool.is_consistent());
    }
    EXPECT_EQ(pool.allocate(kLargest), kHeaderBytes + kUnitBytes);
  }
}

// A large block that only its own bin can have, behind more of them than are looked at first.
TEST(PoolHeap, FindsTheOnlyBlockThatFits) {
  PoolRange pool(1 << 20);
  std::vector<size_t> blocks;
  std::vector<size_t> walls;
  for (int i = 0; i < 50; ++i) {
    blocks.push_back(pool.allocate(i == 0 ? 1231 : 1024));
    walls.push_back(pool.allocate(16));
  }
  while (pool.allocate(2000) != 0) {
  }
  while (pool.allocate(16) != 0) {
  }
  for (const size_t block : blocks) {
    ASSERT_EQ(pool.release(block), Fault::kNone);
  }
  EXPECT_EQ(pool.allocate(1231), blocks[0]);
  EXPECT_EQ(pool.allocate(1231), 0U);
  EXPECT_TRUE(pool.is_consistent());
}

TEST(PoolHeap, ResizesInPlaceWhereItCan) {
  PoolRange pool(65'536);
  const size_t block = pool.allocate(100);
  memset(pool.at(block), 7, 100);
  EXPECT_EQ(pool.resize(block, 5000), block) << "into what is free behind it";
  EXPECT_EQ(pool.resize(block, 10), block);
  const size_t wall = pool.allocate(10);
  EXPECT_LT(wall, block + 100) << "what was given back lies before the rest";
  const size_t moved = pool.resize(block, 1000);
  EXPECT_NE(moved, block);
  EXPECT_EQ(std::count(pool.at(moved), pool.at(moved) + 10, 7), 10);
  EXPECT_EQ(pool.resize(moved, kLargest), 0U) << "no room: as it was";
  EXPECT_EQ(std::count(pool.at(moved), pool.at(moved) + 10, 7), 10);
  EXPECT_EQ(pool.release(moved), Fault::kNone);
  EXPECT_TRUE(pool.is_consistent());
  EXPECT_EQ(pool.heap.live_bytes(), 10U);
}

TEST(PoolHeap, KnowsWhatIsNoBlock) {
  PoolRange pool(65'536);
  const size_t first = pool.allocate(100);
  const size_t second = pool.allocate(100);
  const size_t third = pool.allocate(100);
  for (const size_t offset : {size_t{0}, size_t{16}, kHeaderBytes, first + 1, first + 16,
                              pool.size(), pool.size() - 16, SIZE_MAX & ~size_t{15}}) {
    EXPECT_EQ(pool.release(offset), Fault::kNoBlock) << offset;
  }
  EXPECT_EQ(pool.release(first), Fault::kNone);
  EXPECT_EQ(pool.release(first), Fault::kDoubleFree);
  EXPECT_EQ(pool.release(second), Fault::kNone);
  EXPECT_EQ(pool.release(second), Fault::kDoubleFree) << "joined to the one before it";
  EXPECT_EQ(pool.release(third), Fault::kNone);
  EXPECT_EQ(pool.release(third), Fault::kDoubleFree);
  EXPECT_TRUE(pool.is_consistent());
  EXPECT_EQ(pool.figures().frees, 3U);
}

// What was allocated in one mapping is freed in another.
TEST(PoolHeap, LiesAnywhere) {
  PoolRange pool(65'536);
  const size_t block = pool.allocate(1000);
  void* elsewhere = mremap(pool.base(), 0, pool.size(), MREMAP_MAYMOVE);
  ASSERT_NE(elsewhere, MAP_FAILED);
  PoolHeap other;
  ASSERT_TRUE(other.open(elsewhere, pool.size()));
  ASSERT_TRUE(other.begin());
  EXPECT_EQ(other.release(block), Fault::kNone);
  EXPECT_EQ(other.allocate(kLargest), block);
  other.end();
  EXPECT_TRUE(pool.is_consistent());
  EXPECT_EQ(pool.figures().allocations, 2U);
  munmap(elsewhere, pool.size());
}

TEST(PoolHeap, OpensNothingElse) {
  PoolRange pool(8192);
  PoolHeap other;
  EXPECT_TRUE(other.open(pool.base(), pool.size()));
  EXPECT_FALSE(other.open(pool.base(), 4096)) << "shorter than the pool";
  EXPECT_FALSE(other.open(pool.at(4096), 4096));
  pool.heap.header()->version++;
  EXPECT_FALSE(other.open(pool.base(), pool.size()));
}

TEST(PoolHeap, GrowsBehindItsEnd) {
  PoolRange pool(65'536, 65'536);
  const size_t all = pool.allocate(kLargest);
  ASSERT_TRUE(pool.heap.begin());
  EXPECT_FALSE(pool.heap.grow(65'536));
  EXPECT_TRUE(pool.heap.grow(98'304));
  EXPECT_TRUE(pool.heap.grow(131'072)) << "the last one is free";
  pool.heap.end();
  EXPECT_TRUE(pool.is_consistent());
  EXPECT_EQ(pool.resize(all, 131'072 - kHeaderBytes - kUnitBytes), all);
}

// M16: random calls beside a model that knows every block and every byte of its contents.
class PoolModel {
 public:
  PoolModel(size_t pool_bytes, uint32_t seed) : pool_(pool_bytes), random_(seed) {}

  void run(int steps) {
    for (int i = 0; i < steps && !::testing::Test::HasFailure(); ++i) {
      step();
      if (i % 64 == 0) {
        ASSERT_TRUE(pool_.is_consistent()) << "step " << i;
        compare_figures();
      }
    }
    for (const auto& [offset, block] : blocks_) {
      expect_contents(offset, block, block.bytes.size());
      EXPECT_EQ(pool_.release(offset), Fault::kNone);
    }
    EXPECT_TRUE(pool_.is_consistent());
    EXPECT_EQ(pool_.heap.live_bytes(), 0U);
    EXPECT_EQ(pool_.heap.header()->repaired, 0U);
    EXPECT_NE(pool_.allocate(pool_.size() - kHeaderBytes - kUnitBytes), 0U);
  }

 private:
  struct Block {
    std::vector<uint8_t> bytes;
  };

  size_t random_size() {
    const size_t limit = size_t{1} << random_() % 14;
    return random_() % (limit + 1);
  }

  void step() {
    const unsigned choice = random_() % 10;
    if (choice < 5 || blocks_.empty()) {
      const size_t size = random_size();
      keep(pool_.allocate(size), size);
    } else if (choice < 8) {
      auto at = any();
      expect_contents(at->first, at->second, at->second.bytes.size());
      EXPECT_EQ(pool_.release(at->first), Fault::kNone);
      count_free(at->second.bytes.size());
      blocks_.erase(at);
    } else {
      resize(any());
    }
  }

  void resize(std::map<size_t, Block>::iterator at) {
    const size_t size = random_size();
    const size_t offset = pool_.resize(at->first, size);
    if (offset == 0) {
      expect_no_room(size);
      expect_contents(at->first, at->second, at->second.bytes.size());
      return;
    }
    expect_contents(offset, at->second, std::min(size, at->second.bytes.size()));
    // As it happens: a move has both blocks for a moment.
    if (offset == at->first) {
      count_free(at->second.bytes.size());
      blocks_.erase(at);
      keep(offset, size);
    } else {
      const auto old = blocks_.extract(at);
      keep(offset, size);
      count_free(old.mapped().bytes.size());
    }
  }

  void keep(size_t offset, size_t size) {
    if (offset == 0) {
      expect_no_room(size);
      return;
    }
    EXPECT_EQ(offset % 16, 0U);
    EXPECT_LE(offset + size, pool_.size());
    const auto next = blocks_.upper_bound(offset);
    EXPECT_TRUE(next == blocks_.end() || offset + size <= next->first) << "overlap";
    if (next != blocks_.begin()) {
      const auto before = std::prev(next);
      EXPECT_LE(before->first + before->second.bytes.size(), offset) << "overlap";
    }
    Block& block = blocks_[offset];
    block.bytes.resize(size);
    for (uint8_t& byte : block.bytes) {
      byte = static_cast<uint8_t>(random_());
    }
    std::copy(block.bytes.begin(), block.bytes.end(), pool_.at(offset));
    ++model_.allocations;
    model_.allocated_bytes += size;
    live_ += size;
    model_.peak_bytes = std::max<uint64_t>(model_.peak_bytes, live_);
  }

  void count_free(size_t size) {
    ++model_.frees;
    model_.freed_bytes += size;
    live_ -= size;
  }

  // A no is a no: there is no free block of that size.
  void expect_no_room(size_t size) {
    ++failed_;
    EXPECT_LT(pool_.heap.walk().largest_bytes, std::max<size_t>(size, 16));
  }

  void expect_contents(size_t offset, const Block& block, size_t count) {
    EXPECT_TRUE(std::equal(block.bytes.begin(), block.bytes.begin() + static_cast<ptrdiff_t>(count),
                           pool_.at(offset)));
  }

  void compare_figures() {
    const PoolFigures& figures = pool_.figures();
    EXPECT_EQ(figures.allocations, model_.allocations);
    EXPECT_EQ(figures.frees, model_.frees);
    EXPECT_EQ(figures.allocated_bytes, model_.allocated_bytes);
    EXPECT_EQ(figures.freed_bytes, model_.freed_bytes);
    EXPECT_EQ(figures.peak_bytes, model_.peak_bytes);
    EXPECT_EQ(pool_.heap.header()->failed, failed_);
  }

  std::map<size_t, Block>::iterator any() {
    auto at = blocks_.lower_bound(random_() % pool_.size());
    return at == blocks_.end() ? blocks_.begin() : at;
  }

  PoolRange pool_;
  std::mt19937 random_;
  std::map<size_t, Block> blocks_;
  PoolFigures model_{};
  uint64_t live_ = 0;
  uint64_t failed_ = 0;
};

TEST(PoolHeap, IsWhatAModelSays) {
  for (uint32_t seed = 1; seed <= 12; ++seed) {
    for (const size_t size : {4096, 65'536, 1 << 20}) {
      PoolModel model(size, seed);
      model.run(6000);
      ASSERT_FALSE(HasFailure()) << "seed " << seed << ", " << size << " bytes";
    }
  }
}

}  // namespace
}  // namespace heaptag::area_pools::testing
