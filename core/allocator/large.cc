#include "core/allocator/large.h"

#include "core/allocator/bins.h"
#include "core/allocator/blame.h"
#include "core/allocator/stray.h"
#include "core/base/units.h"
#include "core/heap/page_heap.h"
#include "core/os/vm.h"

namespace heaptag::allocator {

using heap::SpanState;

namespace {

// From here on moving page tables beats copying: below, pages that stay resident for the next block
// are worth more.
constexpr uint32_t kLeastPagesToMove = 512;

// No request beyond this is even tried: page counts fit 32 bits.
constexpr size_t kMaxBytes = size_t{1} << 43;

// A block that shrinks by less than this part keeps its pages.
constexpr uint32_t kShrinkDivisor = 8;

uint32_t pages_for(size_t size) {
  return static_cast<uint32_t>((size + heap::kSpanPageBytes - 1) / heap::kSpanPageBytes);
}

void become_large(Span* span, OwnerId owner, size_t size) {
  span->capacity = 1;
  write_relaxed(span->owner, owner);
  write_relaxed(span->requested_large, size);
  write_relaxed(span->thread, nullptr);
  span->state = SpanState::kLarge;
}

Span* move_large(Span* span, size_t size) {
  Span* to = heap::allocate_run(pages_for(size));
  if (to == nullptr) {
    return nullptr;
  }
  const os::Moved moved = os::move_pages(span->base, to->base, span->size_bytes());
  if (moved != os::Moved::kYes) {
    if (moved == os::Moved::kNo) {
      heap::release_run(to, true);
    }
    return nullptr;  // a hole in the heap is used by nobody any more
  }
  become_large(to, span->owner, size);
  to->flags = 0;
  // What is left behind has lost its pages and reads as zero.
  span->flags |= heap::kFlagZeroed;
  heap::release_run(span, true);
  return to;
}

}  // namespace

Span* allocate_large(ThreadState* thread, size_t size, uint32_t alignment_pages, uintptr_t site) {
  if (size > kMaxBytes) {
    return nullptr;
  }
  const OwnerId owner = owner_of_request(thread, site, size);
  OwnerCounters* counters = counters_of(thread, owner);
  if (counters == &thread->lost) {
    return nullptr;
  }
  const uint32_t pages = size == 0 ? 1 : pages_for(size);
  if (heap::growth_is_due()) {
    drain_inbox(thread, DrainTo::kLists);
    sweep(thread, false);
  }
  Span* span = heap::allocate_run(pages, alignment_pages);
  if (span == nullptr) {
    sweep(thread, true);
    span = heap::allocate_run(pages, alignment_pages);
  }
  if (span == nullptr) {
    return nullptr;
  }
  become_large(span, owner, size);
  count_allocation(counters, size, span->size_bytes());
  bump(thread->record.live_bytes, static_cast<int64_t>(size));
  return span;
}

void free_large(ThreadState* thread, Span* span) {
  charge_free(thread, span->owner, span->requested_large, span->size_bytes());
  bump(thread->record.live_bytes, -static_cast<int64_t>(span->requested_large));
  span->flags &= static_cast<uint8_t>(~heap::kFlagZeroed);
  heap::release_run(span, true);
}

Span* resize_large(Span* span, size_t size) {
  if (size > kMaxBytes) {
    return nullptr;
  }
  const uint32_t pages = pages_for(size);
  if (pages <= span->page_count) {
    if ((span->page_count - pages) * kShrinkDivisor >= span->page_count) {
      heap::shrink_run(span, pages);
    }
    write_relaxed(span->requested_large, size);
    return span;
  }
  bool zeroed = false;
  if (heap::extend_run(span, pages, &zeroed)) {
    write_relaxed(span->requested_large, size);
    return span;
  }
  return span->page_count >= kLeastPagesToMove ? move_large(span, size) : nullptr;
}

}  // namespace heaptag::allocator
