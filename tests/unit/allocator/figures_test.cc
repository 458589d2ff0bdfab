// Who is charged what: known totals, thread by thread, through every way that a block can go.
#include "core/allocator/figures.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <functional>
#include <thread>

#include "core/allocator/peak.h"
#include "tests/unit/allocator/site_figures.h"

namespace heaptag::allocator::testing {
namespace {

OwnerCounters figures_of(uintptr_t site) {
  return figures_of_sites()[site];
}

void run_threads(unsigned count, const std::function<void(unsigned)>& body) {
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < count; ++t) {
    threads.emplace_back(body, t);
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
}

TEST(Figures, OneSite) {
  const uintptr_t site = fresh_sites(1)[0];
  void* kept = allocate(100, site);
  deallocate(allocate(40'000, site));
  const OwnerCounters expected{2, 1, 40'100, 40'000, 112 + 40'960, 40'960, 0, 0};
  EXPECT_EQ(figures_of(site), expected);
  deallocate(kept);
}

// Blocks of 48 bytes, and of up to 63, by a site that asks for `exact` of the first kind and then
// for one of each of the others. Returns what its last block of 48 bytes can hold.
size_t usable_of_exact_among(uintptr_t site, unsigned exact) {
  constexpr size_t kExact = 48;
  constexpr unsigned kRounds = 2000;
  std::vector<void*> blocks;
  uint64_t requested = 0;
  size_t usable = 0;
  for (unsigned round = 0; round < kRounds; ++round) {
    for (size_t i = 0; i < exact + 15; ++i) {
      const size_t size = i < exact ? kExact : kExact + 1 + (i - exact);
      blocks.push_back(allocate(size, site));
      memset(blocks.back(), 0xa5, size);
      requested += size;
      usable = size == kExact ? usable_size(blocks.back()) : usable;
    }
  }
  EXPECT_EQ(figures_of(site).allocated_bytes, requested);
  for (void*& block : blocks) {
    block = reallocate(block, kExact, site);
  }
  std::for_each(blocks.begin(), blocks.end(), deallocate);
  const OwnerCounters figures = figures_of(site);
  EXPECT_EQ(figures.allocated_bytes, requested + blocks.size() * kExact);
  EXPECT_EQ(figures.freed_bytes, figures.allocated_bytes);
  EXPECT_EQ(figures.freed_usable, figures.allocated_usable);
  return usable;
}

TEST(Figures, ExactSizesAmongManyShareTheBinAbove) {
  const std::vector<uintptr_t> sites = fresh_sites(2);
  EXPECT_EQ(usable_of_exact_among(sites[0], 1), 63U);
  EXPECT_EQ(usable_of_exact_among(sites[1], 15), 48U);
}

TEST(Figures, HotSizesCountAsColdOnes) {
  const std::vector<uintptr_t> sites = fresh_sites(3);
  constexpr uint64_t kBlocks = 5000;
  const size_t sizes[] = {0, 24, 1024};
  std::vector<void*> blocks;
  for (uint64_t i = 0; i < kBlocks; ++i) {
    for (size_t s = 0; s < sites.size(); ++s) {
      blocks.push_back(allocate(sizes[s], sites[s]));
    }
  }
  for (size_t i = 0; i < blocks.size(); i += 2) {
    deallocate(blocks[i]);
  }
  for (size_t s = 0; s < sites.size(); ++s) {
    const size_t usable = heap::class_bytes(heap::class_of(sizes[s]));
    const OwnerCounters expected{kBlocks,
                                 kBlocks / 2,
                                 kBlocks * sizes[s],
                                 kBlocks / 2 * sizes[s],
                                 kBlocks * usable,
                                 kBlocks / 2 * usable,
                                 0,
                                 0};
    EXPECT_EQ(figures_of(sites[s]), expected) << sizes[s];
  }
  for (size_t i = 1; i < blocks.size(); i += 2) {
    deallocate(blocks[i]);
  }
}

// What empties its spans gives them back, and with them the memory of who used them: the figures
// have to be elsewhere by then.
TEST(Figures, OutliveTheSpans) {
  const uintptr_t site = fresh_sites(1)[0];
  std::vector<void*> blocks(3000);
  for (int round = 0; round < 20; ++round) {
    for (void*& block : blocks) {
      block = allocate(48, site);
    }
    for (void* block : blocks) {
      deallocate(block);
    }
    release_free_memory(0);
  }
  const OwnerCounters expected{60'000,      60'000,      60'000 * 48, 60'000 * 48,
                               60'000 * 48, 60'000 * 48, 0,           0};
  EXPECT_EQ(figures_of(site), expected);
}

TEST(Figures, ThreadsThatFreeEachOthersBlocks) {
  constexpr unsigned kThreads = 4;
  constexpr size_t kBlocks = 20'000;
  watch_thread_ends();
  const std::vector<uintptr_t> sites = fresh_sites(kThreads);
  std::vector<std::vector<std::atomic<void*>>> table(kThreads);
  for (auto& row : table) {
    row = std::vector<std::atomic<void*>>(kBlocks);
  }
  std::vector<std::vector<size_t>> usable(kThreads, std::vector<size_t>(kBlocks));
  const auto size_of = [](size_t i) { return i % 3 == 0 ? 64 : i % 700; };
  // Each allocates its row and frees its neighbour's as that appears.
  run_threads(kThreads, [&](unsigned t) {
    std::vector<std::atomic<void*>>& others = table[(t + 1) % kThreads];
    for (size_t i = 0; i < kBlocks; ++i) {
      void* own = allocate(size_of(i), sites[t]);
      usable[t][i] = usable_size(own);
      table[t][i] = own;
      if (i >= 100) {
        void* block = nullptr;
        while ((block = others[i - 100].load()) == nullptr) {
          std::this_thread::yield();
        }
        deallocate(block);
      }
    }
  });
  for (unsigned t = 0; t < kThreads; ++t) {
    OwnerCounters expected{};
    for (size_t i = 0; i < kBlocks; ++i) {
      const uint64_t freed = i < kBlocks - 100 ? 1 : 0;
      expected +=
          {1, freed, size_of(i), freed * size_of(i), usable[t][i], freed * usable[t][i], 0, 0};
    }
    EXPECT_EQ(figures_of(sites[t]), expected);
  }
  for (auto& row : table) {
    for (size_t i = kBlocks - 100; i < kBlocks; ++i) {
      deallocate(row[i]);
    }
  }
}

TEST(Figures, AThreadThatFreesAfterItsEnd) {
  const uintptr_t site = fresh_sites(1)[0];
  const ThreadSums before = sums_of_threads();
  run_threads(4, [&](unsigned /*number*/) {
    std::vector<void*> blocks(200);
    for (void*& block : blocks) {
      block = allocate(72, site);
    }
    thread_ending(true);  // the last round of destructors; others may still come
    for (void*& block : blocks) {
      block = reallocate(block, 90'000, site);
    }
    std::for_each(blocks.begin(), blocks.end(), deallocate);
    deallocate(allocate_aligned(4096, 10, site));
  });
  const OwnerCounters figures = figures_of(site);
  EXPECT_EQ(figures.allocations, 4U * (200 + 200 + 1));
  EXPECT_EQ(figures.frees, figures.allocations);
  EXPECT_EQ(figures.allocated_bytes, 4U * (200 * 72 + 200 * 90'000 + 10));
  EXPECT_EQ(figures.freed_bytes, figures.allocated_bytes);
  EXPECT_EQ(figures.freed_usable, figures.allocated_usable);
  EXPECT_EQ(sums_of_threads().held_bytes, before.held_bytes);
}

TEST(Figures, StatesOfEndedThreadsAreUsedAgain) {
  watch_thread_ends();
  const uintptr_t site = fresh_sites(1)[0];
  const auto count_states = [] {
    int count = 0;
    for (const ThreadState* thread = first_thread(); thread != nullptr;
         thread = reinterpret_cast<const ThreadState*>(thread->record.next)) {
      ++count;
    }
    return count;
  };
  run_threads(1, [&](unsigned /*number*/) { deallocate(allocate(10, site)); });
  const int before = count_states();
  for (int i = 0; i < 200; ++i) {
    run_threads(1, [&](unsigned /*number*/) { deallocate(allocate(10, site)); });
  }
  EXPECT_EQ(count_states(), before);
  EXPECT_EQ(figures_of(site).allocations, 201U);
}

TEST(Figures, ForeignPointersAreCountedAndLeftAlone) {
  alignas(16) char mine[64] = {};
  const ThreadSums before = sums_of_threads();
  void* theirs = std::malloc(100);
  deallocate(mine);
  deallocate(theirs);
  deallocate(nullptr);
  EXPECT_EQ(sums_of_threads().foreign_frees, before.foreign_frees + 2);
  EXPECT_EQ(usable_size(mine), 0U);
  EXPECT_EQ(usable_size(nullptr), 0U);
  EXPECT_FALSE(owns(theirs));
  std::free(theirs);
  const uintptr_t site = fresh_sites(1)[0];
  void* block = reallocate(mine, 10, site);  // nothing can be copied, but there is a block
  ASSERT_NE(block, nullptr);
  EXPECT_TRUE(owns(block));
  EXPECT_EQ(sums_of_threads().foreign_frees, before.foreign_frees + 3);
  deallocate(block);
}

TEST(Figures, ReallocInPlaceChangesTheOwner) {
  const std::vector<uintptr_t> sites = fresh_sites(2);
  for (const size_t size : {100UL, 3000UL, 100'000UL}) {
    const OwnerCounters before = figures_of(sites[0]);
    void* block = allocate(size, sites[0]);
    void* same = reallocate(block, size - 4, sites[1]);
    EXPECT_EQ(same, block) << size;
    EXPECT_EQ(figures_of(sites[0]).frees, before.frees + 1);
    EXPECT_EQ(figures_of(sites[0]).freed_bytes, before.freed_bytes + size);
    deallocate(same);
    EXPECT_EQ(figures_of(sites[1]).freed_bytes, figures_of(sites[1]).allocated_bytes);
  }
}

// Counters only grow, and so do sums of them that a reader makes meanwhile: of a pair of words that
// belong together it must not take one before and the other after the thread has gone on.
TEST(Figures, OnlyGrowWhileSomebodyReads) {
  watch_thread_ends();
  const std::vector<uintptr_t> sites = fresh_sites(3);
  std::atomic<unsigned> running = 2;
  std::thread reader([&] {
    std::vector<OwnerCounters> last(sites.size());
    while (running != 0 && !HasFailure()) {
      std::unordered_map<uintptr_t, OwnerCounters> all = figures_of_sites();
      for (size_t i = 0; i < sites.size(); ++i) {
        const OwnerCounters& now = all[sites[i]];
        ASSERT_GE(now.allocations, last[i].allocations);
        ASSERT_GE(now.frees, last[i].frees);
        ASSERT_GE(now.allocated_bytes, last[i].allocated_bytes);
        ASSERT_GE(now.freed_bytes, last[i].freed_bytes);
        ASSERT_GE(now.allocated_bytes, now.freed_bytes);
        last[i] = now;
      }
    }
  });
  run_threads(2, [&](unsigned number) {
    void* blocks[16] = {};
    for (unsigned i = 0; i < 3'000'000; ++i) {
      void*& block = blocks[i * 7 % 16];
      deallocate(block);
      // One size, many sizes of one class, and any size.
      const size_t size = i % 3 == 0 ? 80 : i % 3 == 1 ? 961 + i * 13 % 63 : i * 31 % 3000;
      block = allocate(size, sites[i % 3]);
      if (i % 100'000 == 0 && number == 0) {
        release_free_memory(SIZE_MAX);
      }
    }
    std::for_each(std::begin(blocks), std::end(blocks), deallocate);
    --running;
  });
  reader.join();
}

// The peak is a lower bound also while threads go on and give spans back. Each thread holds at most
// kBlocks at a time, and goes through very many.
TEST(Peak, IsNeverHigherThanWhatWasLive) {
  constexpr unsigned kThreads = 2;
  constexpr size_t kBlocks = 8;
  constexpr size_t kSize = 1000;
  watch_thread_ends();
  const uintptr_t site = fresh_sites(1)[0];
  deallocate(allocate(kSize, site));  // nobody looks before the tables are there
  std::atomic<unsigned> running = kThreads;
  std::thread looker([&] {
    while (running != 0) {
      const PeakHold settled;
    }
  });
  run_threads(kThreads, [&](unsigned /*number*/) {
    void* blocks[kBlocks];
    for (int round = 0; round < 1500; ++round) {
      for (int i = 0; i < 100; ++i) {
        std::generate(std::begin(blocks), std::end(blocks), [&] { return allocate(kSize, site); });
        std::for_each(std::begin(blocks), std::end(blocks), deallocate);
      }
      release_free_memory(SIZE_MAX);
    }
    --running;
  });
  looker.join();
  bool is_steady = true;
  const OwnerId owner = tag::owner_of_call(site, tag::Call{}, &is_steady);
  const wire::OwnerRecord& record = tag::owners()[index_of(owner)];
  EXPECT_LE(record.peak_live_bytes, kThreads * kBlocks * kSize);
}

void pass_held_peak() {
  constexpr size_t kBytes = 50'000'000;
  const uintptr_t site = fresh_sites(1)[0];
  uint64_t held = 0;
  {
    const PeakHold hold;
    held = peak_figures().live_bytes;
    deallocate(allocate(held + kBytes, site));
    EXPECT_EQ(peak_figures().live_bytes, held);
  }
  // What nobody could look at is within the bound.
  EXPECT_GE(peak_figures().live_bytes + peak_figures().error_bytes, held + kBytes);
  deallocate(allocate(held + 2 * kBytes, site));
  EXPECT_GE(peak_figures().live_bytes, held + 2 * kBytes);
  exit(::testing::Test::HasFailure() ? 1 : 0);
}

// In a process of its own: other tests look at what the heap has free.
TEST(Peak, StaysAsItIsWhileHeld) {
  EXPECT_EXIT(pass_held_peak(), ::testing::ExitedWithCode(0), "");
}

// Frees that no slow path has met must not hide what is allocated afterwards.
void take_turns() {
  constexpr size_t kCount[] = {10'000, 18'000};
  constexpr size_t kSize[] = {1024, 512};
  const std::vector<uintptr_t> sites = fresh_sites(2);
  std::vector<void*> blocks[2];
  const auto fill = [&](int of) {
    while (blocks[of].size() < kCount[of]) {
      blocks[of].push_back(allocate(kSize[of], sites[of]));
    }
  };
  const auto empty_but_for_one_per_span = [&](int of) {
    std::vector<void*> kept;
    for (size_t i = 0; i < blocks[of].size(); ++i) {
      if (i % 32 == 0) {
        kept.push_back(blocks[of][i]);
      } else {
        deallocate(blocks[of][i]);
      }
    }
    blocks[of] = kept;
  };
  for (const int of : {0, 1}) {
    fill(of);
    empty_but_for_one_per_span(of);
  }
  fill(0);
  fill(1);
  const uint64_t truth = kCount[0] * kSize[0] + kCount[1] * kSize[1];
  const PeakFigures peak = peak_figures();
  EXPECT_GE(peak.live_bytes + peak.error_bytes, truth);
  EXPECT_GE(peak.live_bytes, truth - truth / 16);
  exit(::testing::Test::HasFailure() ? 1 : 0);
}

TEST(Peak, IsSeenWhenBinsTakeTurns) {
  EXPECT_EXIT(take_turns(), ::testing::ExitedWithCode(0), "");
}

TEST(Peak, IsWithinItsErrorOfTheTruth) {
  const uintptr_t site = fresh_sites(1)[0];
  { const PeakHold settled; }
  const auto base = live_bytes_of_sites();
  std::vector<void*> blocks;
  uint64_t live = base;
  uint64_t highest = peak_figures().live_bytes;
  for (int i = 0; i < 20'000; ++i) {
    const size_t size = static_cast<size_t>(i) * 7919 % 3000;
    blocks.push_back(allocate(size, site));
    live += size;
    highest = std::max(highest, live);
    if (i % 5000 == 4999) {
      for (int k = 0; k < 4000; ++k) {
        deallocate(blocks.back());
        blocks.pop_back();
      }
      live = live_bytes_of_sites();
    }
  }
  const PeakFigures peak = peak_figures();
  EXPECT_LE(peak.live_bytes, highest);
  EXPECT_GE(peak.live_bytes + peak.error_bytes, highest);
  std::for_each(blocks.begin(), blocks.end(), deallocate);
}

}  // namespace
}  // namespace heaptag::allocator::testing
