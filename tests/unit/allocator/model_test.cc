// Random runs of every call, each checked against a model: addresses, contents, alignment, and at
// the end the figures of every site to the unit. HEAPTAG_TEST_ROUNDS=N runs N times as long
// (default 1: a second or two), HEAPTAG_TEST_SEED=N differently.
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <thread>

#include "core/allocator/peak.h"
#include "core/base/units.h"
#include "core/heap/page_heap.h"
#include "tests/unit/allocator/block_model.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#  define HEAPTAG_TEST_SANITIZED 1
#else
#  define HEAPTAG_TEST_SANITIZED 0
#endif

namespace heaptag::allocator::testing {
namespace {

uint64_t setting(const char* name, uint64_t otherwise) {
  const char* value = getenv(name);
  return value == nullptr ? otherwise : strtoull(value, nullptr, 10);
}

uint64_t rounds() {
  return setting("HEAPTAG_TEST_ROUNDS", 1);
}

uint64_t seed() {
  return setting("HEAPTAG_TEST_SEED", 1);
}

// No two live blocks share a byte.
void expect_disjoint(const std::vector<Block>& blocks) {
  std::map<uintptr_t, uintptr_t> ranges;
  for (const Block& block : blocks) {
    const auto begin = reinterpret_cast<uintptr_t>(block.at);
    ranges[begin] = begin + block.usable;
  }
  ASSERT_EQ(ranges.size(), blocks.size());
  uintptr_t end = 0;
  for (const auto& [begin, its_end] : ranges) {
    ASSERT_GE(begin, end);
    end = its_end;
  }
}

// Grows and shrinks, so that spans fill, empty, are kept, given back and reused by other sites.
void run_alone(uint64_t number, int steps) {
  constexpr size_t kTargets[] = {0, 30, 500, 3000, 20000};
  const std::vector<uintptr_t> sites = fresh_sites(300);
  Expectation expected(sites);
  Model model(sites, number);
  std::vector<Block> blocks;
  size_t target = 0;
  for (int i = 0; i < steps && !::testing::Test::HasFailure(); ++i) {
    if (i % 4096 == 0) {
      target = kTargets[model.random_below(std::size(kTargets))];
      expect_disjoint(blocks);
      if (model.one_in(4)) {
        release_free_memory(model.random_below(2) * kMiB);
      }
      if (target == 0) {
        for (; !blocks.empty(); blocks.pop_back()) {
          model.release(blocks.back());
        }
      }
    }
    model.step(&blocks, target);
  }
  std::for_each(blocks.begin(), blocks.end(), [&](const Block& block) { model.check(block); });
  Expectation halfway = expected;
  halfway.add(model);
  halfway.compare();
  for (const Block& block : blocks) {
    model.release(block);
  }
  expected.add(model);
  expected.compare();
}

TEST(AllocatorModel, OneThread) {
  for (uint64_t round = 0; round < rounds() && !HasFailure(); ++round) {
    SCOPED_TRACE(seed() + round);
    run_alone(seed() + round, 250'000);
  }
}

void run_in_segments() {
  deallocate(allocate(1, 1 << 20));
  prepare_for_limit(size_t{1} << 40);
  run_alone(seed(), 100'000);
  exit(::testing::Test::HasFailure() ? 1 : 0);
}

TEST(AllocatorModel, OneThreadInSegments) {
  EXPECT_EXIT(run_in_segments(), ::testing::ExitedWithCode(0), "");
}

// What threads hand to each other.
class Queue {
 public:
  void put(const Block& block) {
    const std::lock_guard guard(mutex_);
    blocks_.push_back(block);
  }

  bool take(Block* block) {
    const std::lock_guard guard(mutex_);
    if (blocks_.empty()) {
      return false;
    }
    const size_t index = blocks_.size() / 2;
    *block = blocks_[index];
    blocks_[index] = blocks_.back();
    blocks_.pop_back();
    return true;
  }

  const std::vector<Block>& blocks() const { return blocks_; }

 private:
  std::mutex mutex_;
  std::vector<Block> blocks_;
};

void work(Model* model, Queue* queue, int steps) {
  std::vector<Block> blocks;
  const size_t target = size_t{1} << (4 + model->random_below(8));
  for (int i = 0; i < steps && !::testing::Test::HasFailure(); ++i) {
    Block block;
    switch (model->random_below(8)) {
      case 0:
      case 1:
        if (!blocks.empty()) {
          queue->put(blocks.back());
          blocks.pop_back();
        }
        break;
      case 2:
        if (queue->take(&block)) {
          model->release(block);
        }
        break;
      case 3:
        if (queue->take(&block)) {
          model->resize(&block);
          blocks.push_back(block);
        }
        break;
      default:
        model->step(&blocks, target);
    }
  }
  // They live on: whoever comes next frees them.
  for (const Block& block : blocks) {
    queue->put(block);
  }
}

// A reader beside the threads: freed first, and live is never negative.
void read_figures(const std::vector<uintptr_t>& sites, const std::atomic<bool>* done) {
  while (!*done && !::testing::Test::HasFailure()) {
    const std::unordered_map<uintptr_t, OwnerCounters> all = figures_of_sites();
    for (const uintptr_t site : sites) {
      const auto found = all.find(site);
      if (found != all.end()) {
        ASSERT_GE(found->second.allocations, found->second.frees);
        ASSERT_GE(found->second.allocated_bytes, found->second.freed_bytes);
        ASSERT_GE(found->second.allocated_usable, found->second.freed_usable);
      }
    }
  }
}

// Generations of four threads that hand blocks over and leave some to the next generation.
void run_together(uint64_t number, unsigned generations, int steps) {
  constexpr unsigned kThreads = 4;
  watch_thread_ends();
  const std::vector<uintptr_t> sites = fresh_sites(300);
  Expectation expected(sites);
  Queue queue;
  std::atomic<bool> done = false;
  std::thread reader(read_figures, std::ref(sites), &done);
  for (unsigned generation = 0; generation < generations; ++generation) {
    std::vector<std::unique_ptr<Model>> models;
    std::vector<std::thread> threads;
    for (unsigned t = 0; t < kThreads; ++t) {
      models.push_back(std::make_unique<Model>(sites, number * 1000 + generation * kThreads + t));
      threads.emplace_back(work, models.back().get(), &queue, steps);
    }
    for (unsigned t = 0; t < kThreads; ++t) {
      threads[t].join();
      expected.add(*models[t]);
    }
  }
  done = true;
  reader.join();
  expected.compare();
  expect_disjoint(queue.blocks());
  Model last(sites, number);
  for (Block block; queue.take(&block);) {
    last.release(block);
  }
  expected.add(last);
  expected.compare();
}

TEST(AllocatorModel, FourThreadsThatHandBlocksOver) {
  for (uint64_t round = 0; round < rounds() && !HasFailure(); ++round) {
    SCOPED_TRACE(seed() + round);
    run_together(seed() + round, 3, 12'000);
  }
}

TEST(AllocatorModel, ManyShortLives) {
  for (uint64_t round = 0; round < rounds() && !HasFailure(); ++round) {
    SCOPED_TRACE(seed() + round);
    run_together(seed() + round, 100, 60);
  }
}

// Under a limit memory runs out again and again, at any point of any call. All that the test itself
// needs is there before.
void run_out_of_memory() {
  const std::vector<uintptr_t> sites = fresh_sites(100);
  Expectation expected(sites);
  Model model(sites, seed());
  std::vector<Block> blocks;
  blocks.reserve(1'000'000);
  for (uint32_t site = 0; site < sites.size(); ++site) {
    model.release(model.make_plain(site, 1));  // every site has its counters
  }
  rlimit limit{};
  getrlimit(RLIMIT_DATA, &limit);
  limit.rlim_cur = 96 * kMiB;
  setrlimit(RLIMIT_DATA, &limit);
  uint64_t failures = 0;
  for (int i = 0; i < 60'000 && !::testing::Test::HasFailure(); ++i) {
    const bool drain = i % 6000 == 0;
    for (; drain && blocks.size() > model.random_below(2) * 2000; blocks.pop_back()) {
      model.release(blocks.back());
    }
    const size_t before = blocks.size();
    model.step(&blocks, 100'000);
    if (blocks.size() == before && model.one_in(2)) {
      const Block block = model.make_plain(model.random_site(), model.random_below(2'000'000));
      failures += block.at == nullptr;
      if (block.at != nullptr) {
        blocks.push_back(block);
      }
    }
  }
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_DATA, &limit);
  expect_disjoint(blocks);
  for (const Block& block : blocks) {
    model.release(block);
  }
  expected.add(model);
  expected.compare();
  EXPECT_GT(failures, 100U);
  exit(::testing::Test::HasFailure() ? 1 : 0);
}

TEST(AllocatorModel, MemoryRunsOut) {
  if (HEAPTAG_TEST_SANITIZED != 0) {
    GTEST_SKIP() << "the sanitizer needs memory of its own";
  }
  EXPECT_EXIT(run_out_of_memory(), ::testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace heaptag::allocator::testing
