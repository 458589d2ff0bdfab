#include "core/heap/page_heap.h"

#include "core/base/units.h"
#include "core/heap/address_map.h"
#include "core/os/clock.h"
#include "core/os/vm.h"

namespace heaptag::heap {

namespace {

// Lists 0..62 hold runs of exactly 1..63 pages; above, four lists to a doubling.
constexpr uint32_t kExactLists = 63;
constexpr uint32_t kListCount = 192;
constexpr uint32_t kScanLimit = 32;  // candidates looked at in a list of unequal runs

// How much dirty memory may wait for reuse: at once, and after it has had time to be reused (no
// background thread: time is looked at when runs are released).
constexpr uint32_t kDirtyAtOncePages = 32 * kMiB / kSpanPageBytes;
constexpr uint32_t kDirtyIdlePages = 1 * kMiB / kSpanPageBytes;
constexpr uint64_t kIdleMs = 250;
constexpr uint32_t kReleasesPerClockLook = 32;

struct RunLists {
  Span* heads[kListCount];
  uint64_t non_empty[kListCount / 64];
  uint32_t pages;
};

struct State {
  os::Lock lock;
  RunLists dirty;
  RunLists zeroed;
  uint32_t used_pages;
  uint32_t releases;
  uint64_t idle_since_ms;
  uint32_t swept_at_pages;
};

constinit State heap{};

uint32_t list_of(uint32_t page_count) {
  if (page_count <= kExactLists) {
    return page_count - 1;
  }
  const unsigned log = log2_floor(page_count);
  const uint32_t list = kExactLists + (log - 6) * 4 + ((page_count >> (log - 2)) & 3);
  return list < kListCount ? list : kListCount - 1;
}

RunLists& lists_of(const Span* run) {
  return (run->flags & kFlagZeroed) != 0 ? heap.zeroed : heap.dirty;
}

void push_run(Span* run) {
  RunLists& lists = lists_of(run);
  const uint32_t list = list_of(run->page_count);
  run->state = SpanState::kFree;
  run->prev = nullptr;
  run->next = lists.heads[list];
  if (run->next != nullptr) {
    run->next->prev = run;
  }
  lists.heads[list] = run;
  lists.non_empty[list / 64] |= uint64_t{1} << (list % 64);
  bump(lists.pages, run->page_count);
  map_span_ends(run);
}

void remove_run(Span* run) {
  RunLists& lists = lists_of(run);
  const uint32_t list = list_of(run->page_count);
  if (run->prev != nullptr) {
    run->prev->next = run->next;
  } else {
    lists.heads[list] = run->next;
    if (run->next == nullptr) {
      lists.non_empty[list / 64] &= ~(uint64_t{1} << (list % 64));
    }
  }
  if (run->next != nullptr) {
    run->next->prev = run->prev;
  }
  bump(lists.pages, -run->page_count);
  run->state = SpanState::kUnused;
}

Span* first_in_lists_from(const RunLists& lists, uint32_t list) {
  for (uint32_t word = list / 64; word < kListCount / 64; ++word) {
    uint64_t bits = lists.non_empty[word];
    if (word == list / 64) {
      bits &= ~uint64_t{0} << (list % 64);
    }
    if (bits != 0) {
      return lists.heads[word * 64 + static_cast<uint32_t>(__builtin_ctzl(bits))];
    }
  }
  return nullptr;
}

Span* find_run(const RunLists& lists, uint32_t page_count) {
  const uint32_t list = list_of(page_count);
  if (list < kExactLists) {
    return first_in_lists_from(lists, list);
  }
  Span* best = nullptr;
  uint32_t looked_at = 0;
  for (Span* run = lists.heads[list]; run != nullptr && looked_at < kScanLimit; run = run->next) {
    if (run->page_count >= page_count && (best == nullptr || run->page_count < best->page_count)) {
      best = run;
    }
    ++looked_at;
  }
  if (best != nullptr || list + 1 >= kListCount) {
    return best;
  }
  return first_in_lists_from(lists, list + 1);
}

// Joins with free neighbours of the same kind, and puts the result on its list.
void push_joined(Span* run) {
  const uint32_t first = page_of(run->base);
  Span* before = span_in_place(read_page(first - 1));
  if (before->state == SpanState::kFree && before->flags == run->flags &&
      before->base + before->size_bytes() == run->base) {
    remove_run(before);
    before->page_count += run->page_count;
    give_span_record(run);
    run = before;
  }
  Span* behind = span_in_place(read_page(page_of(run->base) + run->page_count));
  if (behind->state == SpanState::kFree && behind->flags == run->flags &&
      run->base + run->size_bytes() == behind->base) {
    remove_run(behind);
    run->page_count += behind->page_count;
    give_span_record(behind);
  }
  push_run(run);
}

// Cuts `run` (on no list) behind its first `page_count` pages; the rest goes back. Without a record
// for the rest the run stays whole.
void cut_tail(Span* run, uint32_t page_count) {
  if (run->page_count == page_count) {
    return;
  }
  Span* rest = take_span_record();
  if (rest == nullptr) {
    return;
  }
  rest->base = run->base + size_t{page_count} * kSpanPageBytes;
  rest->page_count = run->page_count - page_count;
  rest->flags = run->flags;
  run->page_count = page_count;
  push_joined(rest);
}

bool purge_run(Span* run) {
  remove_run(run);
  const bool done = os::purge(run->base, run->size_bytes());
  if (done) {
    run->flags = kFlagZeroed;
  }
  push_joined(run);
  return done;
}

// Largest first: fewest system calls per byte.
size_t purge_down_to(uint32_t keep_pages) {
  const uint32_t before = heap.dirty.pages;
  while (heap.dirty.pages > keep_pages) {
    Span* run = nullptr;
    for (uint32_t word = kListCount / 64; word-- > 0 && run == nullptr;) {
      const uint64_t bits = heap.dirty.non_empty[word];
      if (bits != 0) {
        run = heap.dirty.heads[word * 64 + 63 - static_cast<uint32_t>(__builtin_clzl(bits))];
      }
    }
    if (run == nullptr || !purge_run(run)) {
      break;
    }
  }
  return size_t{before - heap.dirty.pages} * kSpanPageBytes;
}

void purge_by_policy() {
  const uint32_t at_once = kDirtyAtOncePages + heap.used_pages / 4;
  if (heap.dirty.pages > at_once) {
    purge_down_to(at_once / 2);
  }
  const uint32_t idle = kDirtyIdlePages + heap.used_pages / 32;
  if (heap.dirty.pages <= idle || ++heap.releases % kReleasesPerClockLook != 0) {
    return;
  }
  const uint64_t now_ms = os::coarse_ms();
  if (now_ms - heap.idle_since_ms >= kIdleMs) {
    // Half of the excess per interval: what a steady program reuses stays.
    if (heap.idle_since_ms != 0) {
      purge_down_to(idle + (heap.dirty.pages - idle) / 2);
    }
    heap.idle_since_ms = now_ms;
  }
}

Span* take_fitting(uint32_t page_count) {
  Span* run = find_run(heap.dirty, page_count);
  if (run == nullptr) {
    run = find_run(heap.zeroed, page_count);
  }
  if (run != nullptr) {
    remove_run(run);
  }
  return run;
}

Span* grow_by(uint32_t page_count) {
  Span* run = take_span_record();
  if (run == nullptr) {
    return nullptr;
  }
  FreshPages fresh{};
  if (!grow_heap(page_count, &fresh)) {
    give_span_record(run);
    return nullptr;
  }
  run->base = fresh.address;
  run->page_count = fresh.page_count;
  run->flags = kFlagZeroed;
  push_joined(run);
  run = take_fitting(page_count);
  return run;
}

Span* find_or_grow(uint32_t page_count) {
  Span* run = take_fitting(page_count);
  if (run == nullptr && heap.dirty.pages > kDirtyIdlePages &&
      heap.dirty.pages > heap.used_pages / 2) {
    // Much is free, but in pieces: as much is given back as comes new.
    purge_down_to(heap.dirty.pages -
                  (page_count < heap.dirty.pages ? page_count : heap.dirty.pages));
    run = take_fitting(page_count);
  }
  if (run == nullptr) {
    run = grow_by(page_count);
  }
  if (run == nullptr && heap.dirty.pages > 0) {
    purge_down_to(0);
    run = take_fitting(page_count);
  }
  return run;
}

// Gives back the pages of `run` (on no list) in front of the first aligned one.
Span* cut_head(Span* run, uint32_t alignment_pages) {
  const size_t alignment_bytes = size_t{alignment_pages} * kSpanPageBytes;
  const uintptr_t begin = reinterpret_cast<uintptr_t>(run->base);
  const uint32_t skip =
      static_cast<uint32_t>((align_up(begin, alignment_bytes) - begin) / kSpanPageBytes);
  if (skip == 0) {
    return run;
  }
  Span* aligned = take_span_record();
  if (aligned == nullptr) {
    push_joined(run);
    return nullptr;
  }
  aligned->base = run->base + size_t{skip} * kSpanPageBytes;
  aligned->page_count = run->page_count - skip;
  aligned->flags = run->flags;
  run->page_count = skip;
  map_span_ends(aligned);
  push_joined(run);
  return aligned;
}

}  // namespace

Span* allocate_run(uint32_t page_count, uint32_t alignment_pages) {
  os::LockGuard guard(heap.lock);
  if (page_count + alignment_pages < page_count) {
    return nullptr;
  }
  Span* run = find_or_grow(page_count + alignment_pages - 1);
  if (run != nullptr && alignment_pages > 1) {
    run = cut_head(run, alignment_pages);
  }
  if (run == nullptr) {
    return nullptr;
  }
  cut_tail(run, page_count);
  map_span_ends(run);
  bump(heap.used_pages, run->page_count);
  return run;
}

void release_run(Span* span, bool ends_only) {
  os::LockGuard guard(heap.lock);
  bump(heap.used_pages, -span->page_count);
  if (!ends_only) {
    unmap_span_pages(span);
  }
  const bool zeroed = (span->flags & kFlagZeroed) != 0;
  char* base = span->base;
  const uint32_t page_count = span->page_count;
  clear_words(span);
  span->base = base;
  span->page_count = page_count;
  span->flags = zeroed ? kFlagZeroed : 0;
  push_joined(span);
  purge_by_policy();
}

bool extend_run(Span* span, uint32_t page_count, bool* zeroed) {
  os::LockGuard guard(heap.lock);
  Span* behind = span_in_place(read_page(page_of(span->base) + span->page_count));
  const uint32_t more = page_count - span->page_count;
  if (behind->state != SpanState::kFree || behind->page_count < more ||
      span->base + span->size_bytes() != behind->base) {
    return false;
  }
  remove_run(behind);
  *zeroed = (behind->flags & kFlagZeroed) != 0;
  cut_tail(behind, more);
  span->page_count += behind->page_count;
  bump(heap.used_pages, behind->page_count);
  give_span_record(behind);
  map_span_ends(span);
  return true;
}

void shrink_run(Span* span, uint32_t page_count) {
  os::LockGuard guard(heap.lock);
  Span* rest = take_span_record();
  if (rest == nullptr) {
    return;
  }
  rest->base = span->base + size_t{page_count} * kSpanPageBytes;
  rest->page_count = span->page_count - page_count;
  rest->flags = 0;
  bump(heap.used_pages, -rest->page_count);
  span->page_count = page_count;
  map_span_ends(span);
  push_joined(rest);
  purge_by_policy();
}

size_t trim(size_t keep_bytes) {
  os::LockGuard guard(heap.lock);
  const size_t keep_pages = keep_bytes / kSpanPageBytes;
  return purge_down_to(keep_pages < UINT32_MAX ? static_cast<uint32_t>(keep_pages) : UINT32_MAX);
}

PageHeapFigures page_heap_figures() {
  return {size_t{__atomic_load_n(&heap.used_pages, __ATOMIC_RELAXED)} * kSpanPageBytes,
          size_t{__atomic_load_n(&heap.dirty.pages, __ATOMIC_RELAXED)} * kSpanPageBytes,
          size_t{__atomic_load_n(&heap.zeroed.pages, __ATOMIC_RELAXED)} * kSpanPageBytes};
}

const uint32_t* used_pages_address() {
  return &heap.used_pages;
}

const uint32_t* dirty_pages_address() {
  return &heap.dirty.pages;
}

bool growth_is_due() {
  const uint32_t used = __atomic_load_n(&heap.used_pages, __ATOMIC_RELAXED);
  const uint32_t seen = __atomic_load_n(&heap.swept_at_pages, __ATOMIC_RELAXED);
  if (used >= seen && used - seen < 64 + seen / 16) {
    return false;
  }
  __atomic_store_n(&heap.swept_at_pages, used, __ATOMIC_RELAXED);
  return used > seen;
}

void give_up_reservation(size_t limit_bytes) {
  os::LockGuard guard(heap.lock);
  trim_address_map(limit_bytes);
}

void take_back_reservation() {
  os::LockGuard guard(heap.lock);
  restore_address_map();
}

os::Lock& page_heap_lock_for_fork() {
  return heap.lock;
}

void forget_free_runs() {
  heap.dirty = {};
  heap.zeroed = {};
  const uint32_t records = span_record_count();
  for (uint32_t i = 1; i < records; ++i) {
    Span* span = span_at(i);
    if (span->state == SpanState::kFree) {
      span->state = SpanState::kUnused;
    }
  }
  forget_free_records();
}

}  // namespace heaptag::heap
