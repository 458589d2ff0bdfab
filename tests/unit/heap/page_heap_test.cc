// The page heap against a model of it: which page belongs to whom, and what was written there.
#include "core/heap/page_heap.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <random>
#include <vector>

#include "core/allocator/allocator.h"
#include "core/allocator/threads.h"
#include "core/base/units.h"
#include "core/heap/address_map.h"

namespace heaptag::heap {
namespace {

constexpr uint32_t kMostPages = 12 * 1024;  // in use at once: 48 MiB
constexpr char kZeros[kSpanPageBytes] = {};

struct Run {
  Span* span;
  uint64_t mark;
  bool all_mapped;  // as a span of small blocks; else only its ends, as a large block
};

bool is_zero(const char* base, size_t from_page, size_t to_page) {
  for (size_t page = from_page; page < to_page; ++page) {
    if (std::memcmp(base + page * kSpanPageBytes, kZeros, kSpanPageBytes) != 0) {
      return false;
    }
  }
  return true;
}

// Every page gets a mark at both ends.
void mark_pages(const Run& run, uint32_t from_page) {
  for (uint32_t page = from_page; page < run.span->page_count; ++page) {
    char* at = run.span->base + size_t{page} * kSpanPageBytes;
    const uint64_t word = run.mark + page;
    std::memcpy(at, &word, sizeof word);
    std::memcpy(at + kSpanPageBytes - sizeof word, &word, sizeof word);
  }
}

bool has_marks(const Run& run, uint32_t page_count) {
  for (uint32_t page = 0; page < page_count; ++page) {
    const char* at = run.span->base + size_t{page} * kSpanPageBytes;
    const uint64_t word = run.mark + page;
    if (std::memcmp(at, &word, sizeof word) != 0 ||
        std::memcmp(at + kSpanPageBytes - sizeof word, &word, sizeof word) != 0) {
      return false;
    }
  }
  return true;
}

class Model {
 public:
  explicit Model(unsigned seed) : random_(seed) {}

  void step() {
    const unsigned kind = random_() % 20;
    if (pages_ > kMostPages || (kind < 8 && !runs_.empty())) {
      release(random_() % runs_.size());
    } else if (kind < 15 || runs_.empty()) {
      allocate();
    } else if (kind < 17) {
      extend(runs_[random_() % runs_.size()]);
    } else if (kind < 19) {
      shrink(runs_[random_() % runs_.size()]);
    } else if (random_() % 8 == 0) {
      const size_t keep_bytes = random_() % 4 * kMiB;
      trim(keep_bytes);
      EXPECT_LE(page_heap_figures().dirty_bytes, keep_bytes);
    }
  }

  void release_all() {
    while (!runs_.empty() && !testing::Test::HasFailure()) {
      release(runs_.size() - 1);
    }
  }

  size_t used_bytes() const { return size_t{pages_} * kSpanPageBytes; }

 private:
  uint32_t random_pages() {
    const uint32_t kind = random_() % 100;
    return 1 + random_() % (kind < 60 ? 16 : kind < 95 ? 70 : 1500);
  }

  void allocate() {
    const uint32_t pages = random_pages();
    const uint32_t alignment = random_() % 4 == 0 ? 1U << random_() % 10 : 1;
    Span* span = allocate_run(pages, alignment);
    ASSERT_NE(span, nullptr);
    ASSERT_EQ(span->page_count, pages);
    ASSERT_EQ(reinterpret_cast<uintptr_t>(span->base) % (alignment * kSpanPageBytes), 0U);
    ASSERT_EQ(span->state, SpanState::kUnused);
    ASSERT_EQ(span->thread, nullptr);
    if ((span->flags & kFlagZeroed) != 0) {
      ASSERT_TRUE(is_zero(span->base, 0, pages));
    }
    add(span->base, pages);
    span->state = SpanState::kLarge;
    span->flags = 0;
    runs_.push_back({span, uint64_t{++serial_} << 32, random_() % 2 == 0});
    if (runs_.back().all_mapped) {
      map_span_pages(span);
    }
    mark_pages(runs_.back(), 0);
    check_map(runs_.back());
  }

  void release(size_t index) {
    const Run run = runs_[index];
    ASSERT_TRUE(has_marks(run, run.span->page_count)) << "somebody else wrote there";
    check_map(run);
    remove(run.span->base, run.span->page_count);
    runs_[index] = runs_.back();
    runs_.pop_back();
    const char* base = run.span->base;
    release_run(run.span, !run.all_mapped);
    EXPECT_NE(find_span(base)->state, SpanState::kLarge);
  }

  void extend(Run& run) {
    const uint32_t old_pages = run.span->page_count;
    const uint32_t pages = old_pages + 1 + random_() % 40;
    bool zeroed = false;
    if (run.all_mapped || !extend_run(run.span, pages, &zeroed)) {
      return;
    }
    ASSERT_EQ(run.span->page_count, pages);
    if (zeroed) {
      ASSERT_TRUE(is_zero(run.span->base, old_pages, pages));
    }
    ASSERT_TRUE(has_marks(run, old_pages));
    add(run.span->base + size_t{old_pages} * kSpanPageBytes, pages - old_pages);
    mark_pages(run, old_pages);
    check_map(run);
  }

  void shrink(const Run& run) {
    const uint32_t old_pages = run.span->page_count;
    if (run.all_mapped || old_pages < 2) {
      return;
    }
    const uint32_t pages = 1 + random_() % (old_pages - 1);
    shrink_run(run.span, pages);
    ASSERT_EQ(run.span->page_count, pages);
    ASSERT_TRUE(has_marks(run, pages));
    remove(run.span->base + size_t{pages} * kSpanPageBytes, old_pages - pages);
    check_map(run);
  }

  static void check_map(const Run& run) {
    const uint32_t pages = run.span->page_count;
    for (uint32_t page = 0; page < pages;
         page += run.all_mapped || page + 1 >= pages ? 1 : pages - 1) {
      const char* at = run.span->base + size_t{page} * kSpanPageBytes;
      ASSERT_EQ(find_span(at), run.span);
      ASSERT_EQ(find_span(at + kSpanPageBytes - 1), run.span);
    }
  }

  // Ranges of pages in use: [begin, end).
  void add(const char* base, uint32_t pages) {
    const auto begin = reinterpret_cast<uintptr_t>(base);
    const uintptr_t end = begin + size_t{pages} * kSpanPageBytes;
    const auto behind = in_use_.lower_bound(begin);
    ASSERT_TRUE(behind == in_use_.end() || behind->first >= end) << "handed out twice";
    ASSERT_TRUE(behind == in_use_.begin() || std::prev(behind)->second <= begin)
        << "handed out twice";
    in_use_[begin] = end;
    pages_ += pages;
  }

  void remove(const char* base, uint32_t pages) {
    const auto begin = reinterpret_cast<uintptr_t>(base);
    const uintptr_t end = begin + size_t{pages} * kSpanPageBytes;
    // A run may have grown: several ranges, the first of which may stay in part.
    auto at = std::prev(in_use_.upper_bound(begin));
    const uintptr_t first = at->first;
    while (at != in_use_.end() && at->first < end) {
      at = in_use_.erase(at);
    }
    if (first < begin) {
      in_use_[first] = begin;
    }
    pages_ -= pages;
  }

  std::mt19937 random_;
  std::vector<Run> runs_;
  std::map<uintptr_t, uintptr_t> in_use_;
  uint32_t pages_ = 0;
  uint32_t serial_ = 0;
};

void run_model(unsigned seed, int steps) {
  const size_t used_before = page_heap_figures().used_bytes;
  Model model(seed);
  for (int i = 0; i < steps && !testing::Test::HasFailure(); ++i) {
    model.step();
    ASSERT_EQ(page_heap_figures().used_bytes, used_before + model.used_bytes());
  }
  model.release_all();
  ASSERT_EQ(page_heap_figures().used_bytes, used_before);
}

class PageHeap : public testing::Test {
 protected:
  // The first allocation makes the tables.
  static void SetUpTestSuite() { allocator::deallocate(allocator::allocate(1, 1 << 20)); }
};

TEST_F(PageHeap, AgreesWithItsModel) {
  for (unsigned seed = 1; seed <= 3; ++seed) {
    run_model(seed, 6000);
  }
}

// Once the reserved range is given up, memory comes in segments.
void use_segments() {
  const uintptr_t range_end = address_map.range_begin + address_map.range_bytes;
  give_up_reservation(size_t{1} << 40);
  Span* in_segment = allocate_run(20000);
  const auto base = reinterpret_cast<uintptr_t>(in_segment->base);
  EXPECT_TRUE(base < address_map.range_begin || base >= range_end);
  EXPECT_TRUE((page_of(in_segment->base) & kSegmentPage) != 0);
  release_run(in_segment, true);
  run_model(7, 6000);
  exit(testing::Test::HasFailure() ? 1 : 0);
}

TEST_F(PageHeap, AgreesWithItsModelInSegments) {
  EXPECT_EXIT(use_segments(), testing::ExitedWithCode(0), "");
}

TEST_F(PageHeap, TrimGivesBackAllThatIsDirty) {
  Span* span = allocate_run(1000);
  std::memset(span->base, 1, span->size_bytes());
  span->flags = 0;
  const char* base = span->base;
  release_run(span, true);
  EXPECT_GE(page_heap_figures().dirty_bytes, 1000 * kSpanPageBytes);
  EXPECT_EQ(trim(SIZE_MAX), 0U);
  EXPECT_EQ(trim(size_t{1} << 44), 0U) << "2^32 pages are not none";
  EXPECT_GE(trim(0), 1000 * kSpanPageBytes);
  EXPECT_EQ(page_heap_figures().dirty_bytes, 0U);
  EXPECT_TRUE(is_zero(base, 0, 1000));
  EXPECT_EQ(trim(0), 0U);
}

TEST_F(PageHeap, DirtyPagesAreReusedBeforeFreshOnes) {
  trim(0);
  Span* first = allocate_run(10);
  Span* wall = allocate_run(1);
  const char* base = first->base;
  first->flags = 0;
  release_run(first, true);
  Span* again = allocate_run(10);
  EXPECT_EQ(again->base, base);
  EXPECT_EQ(again->flags & kFlagZeroed, 0);
  release_run(again, true);
  release_run(wall, true);
}

TEST_F(PageHeap, FreedMemoryIsBounded) {
  std::vector<Span*> spans;
  for (int i = 0; i < 300; ++i) {
    spans.push_back(allocate_run(256));
    spans.back()->flags = 0;
  }
  for (Span* span : spans) {
    release_run(span, true);
  }
  const PageHeapFigures figures = page_heap_figures();
  EXPECT_LE(figures.dirty_bytes, 32 * kMiB + figures.used_bytes / 4);
}

TEST_F(PageHeap, NeighboursJoin) {
  trim(0);
  Span* whole = allocate_run(64);
  char* base = whole->base;
  whole->flags = 0;
  shrink_run(whole, 32);
  bool zeroed = true;
  ASSERT_TRUE(extend_run(whole, 64, &zeroed));
  EXPECT_FALSE(zeroed);
  EXPECT_EQ(whole->base, base);
  release_run(whole, true);
}

TEST_F(PageHeap, RefusesWhatNobodyHas) {
  const PageHeapFigures before = page_heap_figures();
  EXPECT_EQ(allocate_run(1U << 31), nullptr);
  EXPECT_EQ(allocate_run(UINT32_MAX, 2), nullptr);
  EXPECT_EQ(allocate_run(1, 1U << 30), nullptr);
  EXPECT_EQ(page_heap_figures().used_bytes, before.used_bytes);
}

TEST_F(PageHeap, ForeignAddressesBelongToNobody) {
  int on_stack = 0;
  static int in_data = 0;
  for (const void* at : {static_cast<const void*>(&on_stack), static_cast<const void*>(&in_data),
                         static_cast<const void*>(kZeros), static_cast<const void*>(nullptr),
                         reinterpret_cast<const void*>(~uintptr_t{0})}) {
    const Span* span = find_span(at);
    EXPECT_EQ(span->thread, nullptr);
    EXPECT_EQ(span->state, SpanState::kUnused);
  }
}

}  // namespace
}  // namespace heaptag::heap
