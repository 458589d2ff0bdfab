// Everything that is neither plain malloc nor plain free.
#include <cstring>

#include "core/allocator/allocator.h"
#include "core/allocator/blame.h"
#include "core/allocator/checked.h"
#include "core/allocator/guarded.h"
#include "core/allocator/large.h"
#include "core/allocator/slow_path.h"
#include "core/allocator/small.h"
#include "core/allocator/stray.h"
#include "core/allocator/threads.h"
#include "core/heap/page_heap.h"

namespace heaptag::allocator {

using heap::BlockMeta;
using heap::SpanState;

namespace {

// Programs write up to malloc_usable_size and expect a realloc to keep that.
size_t bytes_to_keep(const Span* span) {
  return span->state == SpanState::kLarge ? span->size_bytes() : span->usable_bytes();
}

bool is_block(const Span* span, const void* block) {
  if (unlikely(is_checked(span))) {
    return is_start_of_checked(span, block);
  }
  if (may_be_guarded(block)) {
    return is_start_of_guarded(block);
  }
  return span->thread != nullptr || (span->state == SpanState::kLarge && block == span->base);
}

// The same block, another size and perhaps another owner, for whom there are counters.
void charge_again(ThreadState* thread,
                  OwnerId old_owner,
                  size_t old_size,
                  size_t old_usable,
                  OwnerId owner,
                  size_t size,
                  size_t usable) {
  count_allocation(counters_of(thread, owner), size, usable);
  charge_free(thread, old_owner, old_size, old_usable);
  bump(thread->record.live_bytes, static_cast<int64_t>(size) - static_cast<int64_t>(old_size));
}

// A block that is still the right size for `size`: not too small, and less than half wasted.
bool fits_in_place(const Span* span, size_t size) {
  const size_t most_slack = span->is_varied() ? span->slack_mask : size_t{BlockMeta::kSlackMask};
  return (!kAccounting || !span->is_uniform()) && size <= span->usable_bytes() &&
         span->usable_bytes() - size <= most_slack && size * 2 > span->block_bytes;
}

// Of a varied bin's own owner: one allocation and one free more.
bool resize_varied(const Span* span, void* block, size_t size, OwnerId owner) {
  if (span->owner != owner) {
    return false;
  }
  const uint32_t old_size = span->varied_size(block);
  Bin* bin = static_cast<Bin*>(span->bin);
  bump(bin->allocations);
  bump(bin->allocated_bytes, size);
  heap::write_slack(block, bin->last, size);
  bump(bin->freed_bytes, old_size);
  bump(bin->frees);
  return true;
}

bool resize_metered(
    ThreadState* thread, Span* span, const void* block, size_t size, OwnerId owner) {
  // Its free will look for the counters of this owner in the span's own thread.
  if (counters_of(thread, owner) == &thread->lost) {
    return false;
  }
  uint32_t& meta = *span->word_of(block);
  charge_again(thread, BlockMeta::owner(meta), span->block_bytes - BlockMeta::slack_bytes(meta),
               span->block_bytes, owner, size, span->block_bytes);
  meta = BlockMeta::pack(owner, span->block_bytes - static_cast<uint32_t>(size));
  return true;
}

bool resize_small(Span* span, void* block, size_t size, uintptr_t site) {
  if (!fits_in_place(span, size)) {
    return false;
  }
  ThreadScope scope;
  ThreadState* thread = scope.thread();
  if (thread == nullptr || span->thread != thread) {
    return false;
  }
  if constexpr (!kAccounting) {
    return true;
  }
  BusyScope busy(thread);
  const OwnerId owner = owner_of_request(thread, site, size);
  const bool done = span->is_varied() ? resize_varied(span, block, size, owner)
                                      : resize_metered(thread, span, block, size, owner);
  if (done) {
    bump(thread->record.reallocations);
    publish_live(thread);
  }
  return done;
}

void* resize_large_block(Span* span, size_t size, uintptr_t site) {
  ThreadScope scope;
  ThreadState* thread = scope.thread();
  if (thread == nullptr || size <= heap::kLargestClassBytes) {
    return nullptr;
  }
  BusyScope busy(thread);
  const OwnerId old_owner = span->owner;
  const size_t old_size = span->requested_large;
  const size_t old_usable = span->size_bytes();
  const OwnerId owner = owner_of_request(thread, site, size);
  if (counters_of(thread, owner) == &thread->lost) {
    return nullptr;
  }
  Span* resized = resize_large(span, size);
  if (resized == nullptr) {
    return nullptr;
  }
  write_relaxed(resized->owner, owner);
  charge_again(thread, old_owner, old_size, old_usable, owner, size, resized->size_bytes());
  bump(thread->record.reallocations);
  publish_live(thread);
  return resized->base;
}

// A class whose blocks, laid end to end from a page's start, are all aligned; kClassCount without
// one.
unsigned aligned_class(size_t alignment, size_t size) {
  const size_t least = size < alignment ? alignment : size;
  if (least > heap::kLargestClassBytes) {
    return heap::kClassCount;
  }
  for (unsigned i = heap::class_of(least); i < heap::kClassCount; ++i) {
    const size_t block_bytes = heap::kClasses[i].block_bytes;
    if (block_bytes - size > BlockMeta::kSlackMask) {
      break;
    }
    if (block_bytes % alignment == 0) {
      return i;
    }
  }
  return heap::kClassCount;
}

}  // namespace

void* allocate_zeroed(size_t size, const EntryFrame* frame) {
  if (size <= heap::kLargestClassBytes) {
    void* block = allocate_or(
        size, frame->caller_pc, [=] { return allocate(size, blame(frame->caller())); },
        [=](Slot* slot) { return allocate_slow(size, frame->caller_pc, slot); });
    if (block != nullptr) {
      std::memset(block, 0, size);
    }
    return block;
  }
  void* block = allocate_slow(size, blame(frame->caller()));
  if (block != nullptr && (heap::find_span(block)->flags & heap::kFlagZeroed) == 0) {
    std::memset(block, 0, size);
  }
  return block;
}

void* allocate_aligned(size_t alignment, size_t size, uintptr_t site, safety::Family family) {
  if (guards_blocks()) {
    void* block = allocate_guarded(
        {size, alignment < kMinAlignment ? kMinAlignment : alignment, site, family});
    if (block != nullptr) {
      return block;
    }
  }
  if (checks_blocks()) {
    return allocate_checked_aligned(alignment, size, site, family);
  }
  if (alignment <= kMinAlignment) {
    return allocate<allocate_unchecked>(size, site);
  }
  const unsigned size_class =
      alignment < heap::kSpanPageBytes ? aligned_class(alignment, size) : heap::kClassCount;
  return allocate_in_slow_path(size, site, [=](ThreadState* thread) -> void* {
    if (size_class < heap::kClassCount) {
      return allocate_metered(thread, size_class, size, site);
    }
    if (alignment > size_t{1} << 42) {
      return nullptr;
    }
    const size_t pages = alignment / heap::kSpanPageBytes;
    Span* span = allocate_large(thread, size, pages == 0 ? 1 : static_cast<uint32_t>(pages), site);
    return span == nullptr ? nullptr : span->base;
  });
}

void* reallocate(void* block, size_t size, uintptr_t site, uintptr_t pc) {
  const Release release{pc, safety::Family::kMalloc};
  Span* span = heap::find_span(block);
  if (unlikely(!is_block(span, block))) {
    deallocate_slow(block, release);  // tells what it is; there is nothing that could be copied
    return allocate(size, site);
  }
  const bool is_guarded = may_be_guarded(block);
  if (unlikely(is_checked(span) || is_guarded)) {
    // It always moves: who goes on to use the old one is found.
  } else if (span->state == SpanState::kLarge) {
    void* resized = resize_large_block(span, size, site);
    if (resized != nullptr) {
      return resized;
    }
  } else if (resize_small(span, block, size, site)) {
    return block;
  }
  const size_t old_bytes = is_checked(span) ? usable_size_checked(span, block)
                           : is_guarded     ? usable_size_guarded(block)
                                            : bytes_to_keep(span);
  void* moved = allocate(size, site);
  if (moved == nullptr) {
    return nullptr;
  }
  std::memcpy(moved, block, old_bytes < size ? old_bytes : size);
  deallocate_or(block, [&](Span* /*span*/) { deallocate_slow(block, release); });
  ThreadScope scope;
  if (scope.thread() != nullptr) {
    bump(scope.thread()->record.reallocations);
  }
  return moved;
}

size_t usable_size(const void* block) {
  const Span* span = heap::find_span(block);
  if (unlikely(is_checked(span))) {
    return usable_size_checked(span, block);
  }
  if (may_be_guarded(block)) {
    return usable_size_guarded(block);
  }
  if (!is_block(span, block)) {
    return 0;
  }
  return bytes_to_keep(span);
}

bool owns(const void* block) {
  return is_block(heap::find_span(block), block);
}

bool release_free_memory(size_t keep_bytes) {
  const QuietScope quiet;
  ThreadScope scope;
  if (scope.thread() != nullptr) {
    BusyScope busy(scope.thread());
    retire_bins(scope.thread());
  }
  return heap::trim(keep_bytes) != 0;
}

}  // namespace heaptag::allocator
