// M15: somebody has written into what is ours. It is found, and nobody leaves the pool: there are
// pages around it that may not be touched.
#include <gtest/gtest.h>

#include <random>

#include "tests/unit/area_pools/pool_range.h"

namespace heaptag::area_pools::testing {
namespace {

// A pool with blocks of both kinds, and where their tags are.
struct Filled {
  explicit Filled(uint32_t seed) : pool(32'768), random(seed) {
    for (size_t block; (block = pool.allocate(random() % 500)) != 0;) {
      blocks.push_back(block);
    }
    std::vector<size_t> kept;
    for (const size_t block : blocks) {
      if (random() % 2 == 0) {
        EXPECT_EQ(pool.release(block), Fault::kNone);
      } else {
        kept.push_back(block);
      }
    }
    blocks = kept;
    for (Unit at = kFirstUnit; at != pool.size() / kUnitBytes; at += tag(at)->units) {
      tags.push_back(at);
    }
  }

  BlockTag* tag(Unit at) { return reinterpret_cast<BlockTag*>(pool.at(at * kUnitBytes)); }

  // Whatever is asked of it, it may say no.
  void use() {
    for (int i = 0; i < 60; ++i) {
      if (pool.heap.begin()) {
        const size_t offset =
            random() % 4 == 0 ? random() % 40'000 : blocks[random() % blocks.size()];
        switch (random() % 4) {
          case 0:
            pool.heap.allocate(random() % 1000);
            break;
          case 1:
            pool.heap.release(offset);
            break;
          case 2:
            pool.heap.resize(offset, random() % 1000);
            break;
          default:
            pool.heap.is_consistent();
            break;
        }
        pool.heap.end();
      }
    }
  }

  PoolRange pool;
  std::mt19937 random;
  std::vector<size_t> blocks;
  std::vector<Unit> tags;
};

TEST(PoolDamage, AnyByteOfAnyTagIsFound) {
  Filled filled(1);
  const std::vector<uint8_t> whole = filled.pool.copy();
  for (const Unit at : filled.tags) {
    for (size_t byte = 0; byte < sizeof(BlockTag); ++byte) {
      reinterpret_cast<uint8_t*>(filled.tag(at))[byte] ^= 1U << filled.random() % 8;
      EXPECT_FALSE(filled.pool.is_consistent()) << at << " + " << byte;
      filled.pool.restore(whole);
    }
  }
  EXPECT_TRUE(filled.pool.is_consistent());
}

TEST(PoolDamage, AnyByteOfAnyLinkIsFound) {
  Filled filled(5);
  const std::vector<uint8_t> whole = filled.pool.copy();
  unsigned links = 0;
  for (const Unit at : filled.tags) {
    for (size_t byte = 0; filled.tag(at)->state == BlockState::kFree && byte < sizeof(FreeLinks);
         ++byte, ++links) {
      filled.pool.at((at + kTagUnits) * kUnitBytes)[byte] ^= 1U << filled.random() % 8;
      EXPECT_FALSE(filled.pool.is_consistent()) << at << " + " << byte;
      filled.pool.restore(whole);
    }
  }
  EXPECT_GT(links, 100U);
  EXPECT_TRUE(filled.pool.is_consistent());
}

TEST(PoolDamage, ADamagedNeighbourMakesThePoolBad) {
  PoolRange pool(32'768);
  const size_t first = pool.allocate(100);
  const size_t second = pool.allocate(100);
  pool.at(first)[112] = 0xff;  // one byte behind what it may write
  EXPECT_EQ(pool.release(first), Fault::kDamaged);
  EXPECT_FALSE(pool.heap.is_good());
  EXPECT_FALSE(pool.heap.begin());
  EXPECT_EQ(pool.figures().frees, 0U);
  EXPECT_NE(second, 0U);
}

TEST(PoolDamage, WritesToFreedBlocksAreRepaired) {
  PoolRange pool(32'768);
  const size_t block = pool.allocate(100);
  const size_t wall = pool.allocate(100);
  const size_t other = pool.allocate(100);
  const size_t end = pool.allocate(100);
  pool.release(block);
  pool.release(other);
  memset(pool.at(block), 0x41, 100);
  memset(pool.at(other), 0x41, 100);
  EXPECT_FALSE(pool.is_consistent());
  EXPECT_EQ(pool.allocate(100), other) << "the lists are made anew";
  EXPECT_GT(pool.heap.header()->repaired, 0U);
  EXPECT_EQ(pool.allocate(100), block);
  EXPECT_TRUE(pool.is_consistent());
  EXPECT_EQ(pool.release(wall), Fault::kNone);
  EXPECT_EQ(pool.release(end), Fault::kNone);
  EXPECT_EQ(pool.figures().allocations, 6U);
}

// Both neighbours of what is freed are in lists that somebody has written over.
TEST(PoolDamage, BothNeighboursAreRepairedAtOnce) {
  PoolRange pool(32'768);
  const size_t low = pool.allocate(100);
  const size_t block = pool.allocate(100);
  const size_t high = pool.allocate(200);
  const size_t end = pool.allocate(100);
  pool.release(low);
  pool.release(high);
  for (const size_t damaged : {low, high}) {
    std::vector<uint8_t> saved = pool.copy();
    memset(pool.at(damaged), 0x41, 8);
    EXPECT_EQ(pool.release(block), Fault::kNone);
    EXPECT_TRUE(pool.is_consistent());
    pool.restore(saved);
  }
  EXPECT_NE(end, 0U);
}

TEST(PoolDamage, RandomBytesAnywhereInTheHeader) {
  Filled filled(2);
  const std::vector<uint8_t> whole = filled.pool.copy();
  for (int round = 0; round < 4000; ++round) {
    const size_t bytes = 1 + filled.random() % 8;
    for (size_t i = 0; i < bytes; ++i) {
      filled.pool.base()[filled.random() % sizeof(PoolHeader)] =
          static_cast<uint8_t>(filled.random());
    }
    filled.use();
    filled.pool.restore(whole);
  }
}

TEST(PoolDamage, RandomBytesAnywhere) {
  Filled filled(3);
  const std::vector<uint8_t> whole = filled.pool.copy();
  for (int round = 0; round < 4000; ++round) {
    const size_t words = 1 + filled.random() % 40;
    for (size_t i = 0; i < words; ++i) {
      const size_t offset = filled.random() % (filled.pool.size() / 4) * 4;
      const uint32_t value = filled.random() % 2 == 0 ? filled.random() % 2100 : filled.random();
      memcpy(filled.pool.at(offset), &value, sizeof value);
    }
    filled.use();
    filled.pool.restore(whole);
  }
}

// Links that lead to real blocks, only to wrong ones.
TEST(PoolDamage, LinksThatGoAstray) {
  Filled filled(4);
  const std::vector<uint8_t> whole = filled.pool.copy();
  for (int round = 0; round < 4000; ++round) {
    for (const Unit at : filled.tags) {
      if (filled.tag(at)->state == BlockState::kFree && filled.random() % 4 == 0) {
        auto* links = reinterpret_cast<FreeLinks*>(filled.tag(at) + 1);
        (filled.random() % 2 == 0 ? links->next : links->previous) =
            filled.tags[filled.random() % filled.tags.size()];
      }
    }
    filled.use();
    ASSERT_TRUE(filled.pool.heap.is_good()) << "tags are whole: the lists are made from them";
    ASSERT_TRUE(filled.pool.heap.begin() && filled.pool.heap.repair());
    ASSERT_TRUE(filled.pool.heap.is_consistent());
    filled.pool.heap.end();
    filled.pool.restore(whole);
  }
}

}  // namespace
}  // namespace heaptag::area_pools::testing
