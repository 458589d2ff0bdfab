#include "core/safety/guard_region.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <fstream>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "core/os/vm.h"
#include "core/safety/guard_padding.h"

namespace heaptag::safety {
namespace {

using os::kPageBytes;

constexpr size_t kMappings = 3 * 2000;

char* bytes_of(const GuardedBlock* block) {
  return reinterpret_cast<char*>(block->address);
}

// The kernel says EFAULT where we would fault.
bool is_readable(uintptr_t address) {
  int ends[2];
  EXPECT_EQ(pipe(ends), 0);
  const bool readable = write(ends[1], reinterpret_cast<const void*>(address), 1) == 1;
  close(ends[0]);
  close(ends[1]);
  return readable;
}

size_t mappings() {
  std::ifstream maps("/proc/self/maps");
  size_t lines = 0;
  for (std::string line; std::getline(maps, line);) {
    ++lines;
  }
  return lines;
}

class GuardRegion : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    // access_check_test.cc has done the same, if it ran in this process.
    static const bool ready = guard_range.size_bytes != 0 || init_guards({SIZE_MAX, kMappings});
    ASSERT_TRUE(ready);
  }

  void TearDown() override {
    for (GuardedBlock* block : blocks_) {
      guard_free(block);
    }
    EXPECT_EQ(guard_counts().live, 0U);
  }

  GuardedBlock* make(size_t size_bytes, size_t alignment, GuardSide side) {
    GuardedBlock* block = guard_allocate(size_bytes, alignment, side);
    if (block != nullptr) {
      blocks_.push_back(block);
    }
    return block;
  }

  GuardedBlock* make(size_t size_bytes, GuardSide side) {
    return make(size_bytes, natural_alignment(size_bytes), side);
  }

  std::vector<GuardedBlock*> blocks_;
};

TEST_F(GuardRegion, BlocksEndOrBeginAtAPageThatNobodyMayTouch) {
  for (const size_t size : {1, 3, 8, 24, 100, 4095, 4096, 4097, 12'288, 70'001, 262'144}) {
    const GuardedBlock* at_end = make(size, GuardSide::kEnd);
    const GuardedBlock* at_begin = make(size, GuardSide::kBegin);
    ASSERT_TRUE(at_end != nullptr && at_begin != nullptr) << size;
    EXPECT_EQ(at_end->end() % kPageBytes, 0U) << size;
    EXPECT_EQ(at_begin->address % kPageBytes, 0U) << size;
    EXPECT_EQ(at_end->address % natural_alignment(size), 0U) << size;
    for (const GuardedBlock* block : {at_end, at_begin}) {
      const uintptr_t pages_end = block->pages_begin + block->page_count * kPageBytes;
      EXPECT_FALSE(is_readable(pages_end)) << size;
      EXPECT_FALSE(is_readable(pages_end + kPageBytes - 1)) << size;
      EXPECT_FALSE(is_readable(block->pages_begin - 1)) << size;
      EXPECT_FALSE(is_readable(block->pages_begin - kPageBytes)) << size;
      EXPECT_LT(pages_end - block->pages_begin - size, kPageBytes);
      for (size_t i = 0; i < size; ++i) {
        ASSERT_EQ(bytes_of(block)[i], 0);
      }
      std::memset(bytes_of(block), 0x5A, size);
      EXPECT_EQ(first_damage(*block).size_bytes, 0U);
    }
  }
}

TEST_F(GuardRegion, AlignmentIsKept) {
  EXPECT_EQ(natural_alignment(1), 1U);
  EXPECT_EQ(natural_alignment(12), 4U);
  EXPECT_EQ(natural_alignment(40), 8U);
  EXPECT_EQ(natural_alignment(4096), 16U);
  for (const size_t alignment : {1, 16, 64, 4096}) {
    const GuardedBlock* block = make(33, alignment, GuardSide::kEnd);
    ASSERT_NE(block, nullptr);
    EXPECT_EQ(block->address % alignment, 0U);
    EXPECT_LT(block->pages_begin + kPageBytes - block->end(), alignment);
  }
  EXPECT_EQ(make(33, 8192, GuardSide::kBegin), nullptr);
}

TEST_F(GuardRegion, NothingOfAnEmptyBlockMayBeTouched) {
  for (const GuardSide side : {GuardSide::kEnd, GuardSide::kBegin}) {
    const GuardedBlock* one = make(0, side);
    const GuardedBlock* other = make(0, side);
    ASSERT_TRUE(one != nullptr && other != nullptr);
    EXPECT_NE(one->address, other->address);
    EXPECT_FALSE(is_readable(one->address));
    EXPECT_FALSE(is_readable(one->address - 1));
    EXPECT_EQ(find_guarded(one->address), one);
    EXPECT_EQ(first_damage(*one).size_bytes, 0U);
  }
}

TEST_F(GuardRegion, WhatIsFreedCannotBeTouched) {
  for (const size_t size : {0, 10, 9000}) {
    GuardedBlock* block = guard_allocate(size, 1, GuardSide::kEnd);
    ASSERT_NE(block, nullptr);
    EXPECT_EQ(block->state, GuardState::kLive);
    EXPECT_TRUE(guard_free(block));
    EXPECT_FALSE(guard_free(block));
    EXPECT_EQ(block->state, GuardState::kFreed);
    EXPECT_FALSE(is_readable(block->address));
    EXPECT_EQ(find_guarded(block->address), block);
    EXPECT_EQ(first_damage(*block).size_bytes, 0U);
  }
}

TEST_F(GuardRegion, TheNearestBlockIsFound) {
  GuardedBlock* before = make(4096, GuardSide::kEnd);
  GuardedBlock* after = make(4096, GuardSide::kEnd);
  ASSERT_EQ(before->end() + kPageBytes, after->address);
  EXPECT_EQ(find_guarded(before->address), before);
  EXPECT_EQ(find_guarded(before->end() - 1), before);
  EXPECT_EQ(find_guarded(before->end()), before);
  EXPECT_EQ(find_guarded(after->address - 1), after);
  EXPECT_EQ(find_guarded(before->end() + 2047), before);
  EXPECT_EQ(find_guarded(before->end() + 2048), after);
  EXPECT_EQ(place_of(*before, before->end()), GuardPlace::kBehind);
  EXPECT_EQ(place_of(*after, after->address - 1), GuardPlace::kBefore);
  EXPECT_EQ(place_of(*after, after->address), GuardPlace::kInside);
  EXPECT_EQ(distance_to(*before, before->end()), 1U);
  EXPECT_EQ(distance_to(*after, after->address - 1), 1U);
  EXPECT_FALSE(is_in_guard_region(reinterpret_cast<uintptr_t>(this)));
  EXPECT_EQ(find_guarded(reinterpret_cast<uintptr_t>(this)), nullptr);
  EXPECT_TRUE(is_in_guard_region(before->address));
  // A small block in a large slot, far from where it ends.
  GuardedBlock* large = make(17 * kPageBytes, GuardSide::kEnd);
  EXPECT_EQ(find_guarded(large->pages_begin - 5 * kPageBytes), large);
  // Where nothing was ever used.
  EXPECT_EQ(find_guarded(guard_range.begin + guard_range.size_bytes - 1), nullptr);
}

TEST_F(GuardRegion, TheNearestWholeWordOfPaddingIsWatched) {
  const GuardedBlock* aligned = make(64, 16, GuardSide::kEnd);
  EXPECT_EQ(watchable_word(*aligned), aligned->address - 8);
  const GuardedBlock* odd = make(100, 4, GuardSide::kEnd);
  EXPECT_EQ(watchable_word(*odd), odd->address - 4 - 8);
  const GuardedBlock* other_side = make(100, 4, GuardSide::kBegin);
  EXPECT_EQ(watchable_word(*other_side), other_side->end() + 4);
  EXPECT_EQ(watchable_word(*make(kPageBytes, 16, GuardSide::kEnd)), 0U);
  EXPECT_EQ(watchable_word(*make(kPageBytes - 4, 4, GuardSide::kEnd)), 0U);
  EXPECT_EQ(watchable_word(*make(kPageBytes - 4, 4, GuardSide::kBegin)), 0U);
  EXPECT_EQ(watchable_word(*make(kPageBytes - 8, 8, GuardSide::kEnd)) % kPageBytes, 0U);
  EXPECT_EQ(watchable_word(*make(0, 16, GuardSide::kBegin)), 0U);
}

TEST_F(GuardRegion, WritesBesideAreToldByTheWatchedWord) {
  GuardedBlock* block = make(64, 16, GuardSide::kEnd);
  const uintptr_t word = watchable_word(*block);
  EXPECT_EQ(first_write_beside(*block, word), 0U);
  bytes_of(block)[-20] = 1;
  EXPECT_EQ(first_write_beside(*block, word), 0U);
  bytes_of(block)[-3] = 1;
  EXPECT_EQ(first_write_beside(*block, word), block->address - 20);
  guard_free(block);
  EXPECT_EQ(first_write_beside(*block, word), 0U);
}

TEST_F(GuardRegion, DamageOfThePaddingIsSeen) {
  GuardedBlock* left = make(100, GuardSide::kBegin);
  bytes_of(left)[100] ^= 1;
  EXPECT_EQ(first_damage(*left).offset, 100);
  EXPECT_EQ(first_damage(*left).size_bytes, 1U);
  bytes_of(left)[120] ^= 1;
  EXPECT_EQ(first_damage(*left).size_bytes, 21U);
  bytes_of(left)[100] ^= 1;
  bytes_of(left)[120] ^= 1;
  EXPECT_EQ(first_damage(*left).size_bytes, 0U);
  bytes_of(left)[4095] ^= 1;
  EXPECT_EQ(first_damage(*left).offset, 4095);

  GuardedBlock* right = make(100, 16, GuardSide::kEnd);
  bytes_of(right)[-3] ^= 1;
  EXPECT_EQ(first_damage(*right).offset, -3);
  bytes_of(right)[100] ^= 1;
  EXPECT_EQ(first_damage(*right).offset, 100);  // both: the one behind
  // One value all over is seen but for at most one byte in eight.
  GuardedBlock* run = make(33, 1, GuardSide::kBegin);
  std::memset(bytes_of(run) + 33, 0xA5, 16);
  EXPECT_GE(first_damage(*run).size_bytes, 14U);
}

TEST_F(GuardRegion, TheOldestFreedIsUsedAgainAndReadsAsZero) {
  // The largest slots: there are the fewest.
  std::vector<GuardedBlock*> freed;
  std::set<GuardedBlock*> seen;
  for (;;) {
    GuardedBlock* block = guard_allocate(kMaxGuardedBytes, 16, GuardSide::kEnd);
    ASSERT_NE(block, nullptr);
    std::memset(bytes_of(block), 0xEE, kMaxGuardedBytes);
    block->payload[63] = 7;
    const bool is_new = seen.insert(block).second;
    ASSERT_TRUE(guard_free(block));
    if (!is_new) {
      break;
    }
    freed.push_back(block);
  }
  EXPECT_GT(freed.size(), 500U);
  for (size_t i = 1; i < 10; ++i) {
    const uint32_t generation = freed[i]->generation;
    const GuardSide side = i % 2 == 0 ? GuardSide::kEnd : GuardSide::kBegin;
    GuardedBlock* block = make(700'000, side);
    EXPECT_EQ(block, freed[i]);
    EXPECT_EQ(block->generation, generation + 1);
    EXPECT_EQ(block->payload[63], 0);
    for (size_t byte = 0; byte < 700'000; ++byte) {
      ASSERT_EQ(bytes_of(block)[byte], 0);
    }
  }
}

TEST_F(GuardRegion, LockedMemoryReadsAsZeroToo) {
  GuardedBlock* first = make(kMaxGuardedBytes, GuardSide::kEnd);
  if (mlock(bytes_of(first), kPageBytes) != 0) {
    GTEST_SKIP() << "no memory may be locked";
  }
  bytes_of(first)[5] = 5;
  ASSERT_TRUE(guard_free(first));
  GuardedBlock* block = nullptr;
  do {
    block = guard_allocate(kMaxGuardedBytes, 16, GuardSide::kEnd);
    ASSERT_NE(block, nullptr);
    EXPECT_EQ(bytes_of(block)[5], 0);
    guard_free(block);
  } while (block != first);
  munlock(bytes_of(first), kPageBytes);
}

TEST_F(GuardRegion, MappingsStayWithinTheLimitAndJoinAgain) {
  const size_t before = mappings();
  const uint64_t unguarded = guard_counts().unguarded;
  while (make(blocks_.size() % 5000, next_guard_side()) != nullptr) {
    ASSERT_LE(blocks_.size(), kMappings);
  }
  EXPECT_EQ(guard_counts().unguarded, unguarded + 1);
  EXPECT_EQ(blocks_.size(), kMappings / 3);
  EXPECT_LE(mappings(), before + kMappings);
  for (size_t i = 0; i < blocks_.size(); i += 2) {
    guard_free(blocks_[i]);
  }
  for (size_t i = 1; i < blocks_.size(); i += 2) {
    guard_free(blocks_[i]);
  }
  EXPECT_LE(mappings(), before + 40);
}

TEST_F(GuardRegion, AForkedChildGoesOnWithinTheLimit) {
  for (int i = 0; i < 500; ++i) {
    ASSERT_NE(make(1000, GuardSide::kEnd), nullptr);
  }
  bytes_of(blocks_[0])[0] = 'a';
  const size_t before = mappings();
  const pid_t child = fork();
  if (child == 0) {
    guards_in_forked_child(false);
    bool good = bytes_of(blocks_[0])[0] == 'a';
    for (GuardedBlock* block : blocks_) {
      good = good && guard_free(block) && !is_readable(block->address);
    }
    size_t count = 0;
    while (guard_allocate(count % 9000, 1, GuardSide::kBegin) != nullptr) {
      ++count;
    }
    good = good && count > 1000 && mappings() <= before + kMappings;
    _exit(good ? 0 : 1);
  }
  int status = -1;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(bytes_of(blocks_[0])[0], 'a');
}

TEST_F(GuardRegion, BothSidesAreTriedWhateverThePattern) {
  for (const int stride : {1, 2, 3, 4, 7}) {
    int at_end = 0;
    for (int i = 0; i < 1000; ++i) {
      GuardSide side{};
      for (int j = 0; j < stride; ++j) {
        side = next_guard_side();
      }
      at_end += side == GuardSide::kEnd ? 1 : 0;
    }
    EXPECT_NEAR(at_end, 500, 250) << stride;  // every third is the worst: some two thirds
  }
}

TEST_F(GuardRegion, ThreadsAllocateFreeAndFind) {
  std::atomic<bool> good = true;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&good, i] {
      for (size_t n = 0; n < 3000; ++n) {
        const size_t size = 1 + (n * 37 + static_cast<size_t>(i) * 11) % 9000;
        GuardedBlock* block = guard_allocate(size, 1, next_guard_side());
        if (block == nullptr) {
          good = false;
          return;
        }
        bytes_of(block)[size - 1] = static_cast<char>(i);
        good = good && find_guarded(block->address + size - 1) == block &&
               first_damage(*block).size_bytes == 0 && bytes_of(block)[size - 1] == i;
        good = good && guard_free(block);
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_TRUE(good);
}

TEST_F(GuardRegion, VisitsAll) {
  make(10, GuardSide::kEnd);
  make(100'000, GuardSide::kEnd);
  std::set<GuardedBlock*> seen;
  visit_guarded(
      [](GuardedBlock* block, void* context) {
        static_cast<std::set<GuardedBlock*>*>(context)->insert(block);
      },
      &seen);
  EXPECT_EQ(seen.size(), guard_counts().live + guard_counts().freed);
  EXPECT_EQ(seen.count(blocks_[0]) + seen.count(blocks_[1]), 2U);
}

// Others' address space: the last one of all.
TEST_F(GuardRegion, UnusedAddressSpaceIsGivenUp) {
  const auto reserved = [] {
    std::ifstream file("/proc/self/statm");
    size_t pages = 0;
    file >> pages;
    return pages * kPageBytes;
  };
  EXPECT_EXIT(
      {
        guard_free(guard_allocate(10, 1, GuardSide::kEnd));  // what was used stays
        const size_t before = reserved();
        give_up_unused_guards();
        const bool is_less = reserved() + guard_range.size_bytes / 2 < before;
        const GuardedBlock* block = guard_allocate(10, 1, GuardSide::kEnd);
        const bool works = block != nullptr && find_guarded(block->address) == block;
        _exit(is_less && works ? 0 : 1);
      },
      testing::ExitedWithCode(0), "");
}

TEST(GuardLimits, AreThoseOfTheSystem) {
  const GuardLimits limits = guard_limits_of_system();
  EXPECT_EQ(limits.mappings, os::mapping_limit() / 2);
  EXPECT_GT(limits.address_space_bytes, 0U);
  EXPECT_EXIT(_exit(init_guards({1000, 1000}) ? 1 : 0), testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace heaptag::safety
