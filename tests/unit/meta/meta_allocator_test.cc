#include "core/meta/meta_allocator.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <thread>
#include <vector>

#include "core/base/units.h"

namespace heaptag::meta {
namespace {

struct Piece {
  unsigned char* at;
  size_t size_bytes;
};

bool all_are(const Piece& piece, unsigned char mark) {
  return std::all_of(piece.at, piece.at + piece.size_bytes,
                     [mark](unsigned char byte) { return byte == mark; });
}

// Allocates, fills and releases at random; whatever is handed out is zero, aligned and nobody
// else's.
void use_at_random(unsigned seed) {
  std::mt19937 random(seed);
  std::vector<Piece> pieces;
  for (int i = 0; i < 6000; ++i) {
    if (pieces.empty() || random() % 5 < 3) {
      const size_t size =
          random() % 50 == 0 ? random() % (200 * kKiB) + 1 : random() % (1 << random() % 13) + 1;
      const Piece piece{static_cast<unsigned char*>(allocate(size)), size};
      ASSERT_NE(piece.at, nullptr);
      ASSERT_EQ(reinterpret_cast<uintptr_t>(piece.at) % (size >= 64 ? 64 : 16), 0U);
      ASSERT_TRUE(all_are(piece, 0));
      pieces.push_back(piece);
      std::memset(piece.at, static_cast<int>(pieces.size() % 255 + 1), size);
    } else {
      const Piece piece = pieces.back();
      ASSERT_TRUE(all_are(piece, static_cast<unsigned char>(pieces.size() % 255 + 1)));
      pieces.pop_back();
      release(piece.at, piece.size_bytes);
    }
  }
  for (; !pieces.empty(); pieces.pop_back()) {
    ASSERT_TRUE(all_are(pieces.back(), static_cast<unsigned char>(pieces.size() % 255 + 1)));
    release(pieces.back().at, pieces.back().size_bytes);
  }
}

TEST(MetaAllocator, HandsOutZeroedAlignedMemoryOfOnesOwn) {
  use_at_random(1);
}

TEST(MetaAllocator, ServesThreadsAtOnce) {
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < 4; ++i) {
    threads.emplace_back(use_at_random, 10 + i);
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
}

TEST(MetaAllocator, ReusesWhatIsReleased) {
  for (const size_t size : {1UL, 16UL, 17UL, 100UL, 4096UL, 32768UL}) {
    void* first = allocate(size);
    release(first, size);
    EXPECT_EQ(allocate(size), first) << size;
    release(first, size);
  }
  release(nullptr, 100);
}

TEST(MetaAllocator, CountsWhatItHasFromTheKernel) {
  const size_t before = mapped_bytes();
  void* large = allocate(kMiB + 1);
  EXPECT_EQ(mapped_bytes(), before + kMiB + 4096);
  release(large, kMiB + 1);
  EXPECT_EQ(mapped_bytes(), before);
  EXPECT_EQ(*mapped_bytes_address(), before);
}

TEST(MetaAllocator, RefusesWhatNobodyHas) {
  EXPECT_EQ(allocate(size_t{1} << 60), nullptr);
}

// Entries of a size that no page is a multiple of.
struct Entry {
  uint64_t words[9];
};

TEST(GrowingTable, GrowsToItsCapacityAndNoFurther) {
  constexpr size_t kCapacity = 5000;
  GrowingTable<Entry> table{};
  ASSERT_TRUE(table.init(kCapacity));
  const Entry* at = table.data();
  for (size_t count = 1; count <= kCapacity; ++count) {
    ASSERT_TRUE(table.grow_to(count));
    ASSERT_EQ(table[count - 1].words[8], 0U);
    table[count - 1].words[8] = count;
  }
  EXPECT_FALSE(table.grow_to(kCapacity + 1));
  EXPECT_EQ(table.data(), at);
  for (size_t i = 0; i < kCapacity; ++i) {
    ASSERT_EQ(table[i].words[8], i + 1);
  }
}

TEST(GrowingTable, KeepsWhatIsInUseWhenTrimmed) {
  GrowingTable<Entry> table{};
  ASSERT_TRUE(table.init(1000000));
  ASSERT_TRUE(table.grow_to(3000));
  table[2999].words[0] = 7;
  table.trim_to(10);
  EXPECT_GE(table.capacity(), 3000U);
  EXPECT_LT(table.capacity(), 10000U);
  EXPECT_EQ(table[2999].words[0], 7U);
  const size_t left = table.capacity();
  EXPECT_TRUE(table.grow_to(left));
  table[left - 1].words[8] = 1;
  EXPECT_FALSE(table.grow_to(left + 1));
  table.trim_to(left);  // again: nothing to give
  EXPECT_EQ(table[2999].words[0], 7U);
}

TEST(GrowingTable, GrowsOnWithinWhatATrimHasLeft) {
  GrowingTable<Entry> table{};
  ASSERT_TRUE(table.init(1000000));
  ASSERT_TRUE(table.grow_to(1));
  table.trim_to(20000);
  EXPECT_EQ(table.capacity(), 20000U);
  ASSERT_TRUE(table.grow_to(20000));
  table[19999].words[8] = 1;
  EXPECT_FALSE(table.grow_to(20001));
}

TEST(GrowingTable, ReportsThatThereIsNoAddressSpace) {
  GrowingTable<Entry> table{};
  EXPECT_FALSE(table.init(size_t{1} << 50));
  EXPECT_EQ(table.capacity(), 0U);
}

}  // namespace
}  // namespace heaptag::meta
