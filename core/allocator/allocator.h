// READ THIS FIRST: allocate, deallocate, reallocate, usable_size. The fast paths are here, inline,
// so that the exported malloc and free are one function each; everything else is in the files that
// the comments name. Layer: core/allocator.
//
// All sizes are bytes. `site` is the return address of the exported function: who is charged. Every
// function is thread-safe, takes no lock on its fast path, never changes errno, and returns null
// (with the failure counted) when there is no memory. Not for signal handlers that interrupt an
// allocation of the same thread.
#pragma once

#include <cstring>

#include "core/allocator/bad_free.h"
#include "core/allocator/bins.h"
#include "core/allocator/blame.h"
#include "core/allocator/standing.h"
#include "core/allocator/thread_state.h"
#include "core/base/accounting.h"

namespace heaptag::allocator {

inline constexpr size_t kMinAlignment = 16;

// Slow paths (small.cc, free.cc, large.cc, realloc.cc). `slot` is that of the request, if it has
// one.
using SlowPath = void* (*)(size_t size, uintptr_t site, Slot* slot);
[[gnu::noinline]] void* allocate_slow(size_t size, uintptr_t site, Slot* slot = nullptr);
[[gnu::noinline]] void* allocate_slow_as(size_t size,
                                         uintptr_t site,
                                         safety::Family family,
                                         Slot* slot = nullptr);
[[gnu::noinline]] void* allocate_unchecked(size_t size, uintptr_t site, Slot* slot = nullptr);
[[gnu::noinline]] void deallocate_slow(void* block, const Release& release = {});
[[gnu::noinline]] void* sample_slow(ThreadState* thread, Slot* slot, size_t size, void* block);

/// Zeroed memory; knows when the kernel has zeroed it already. `frame` is that of an entry point.
void* allocate_zeroed(size_t size, const EntryFrame* frame);

/// `alignment` is a power of two.
void* allocate_aligned(size_t alignment,
                       size_t size,
                       uintptr_t site,
                       safety::Family family = safety::Family::kMalloc);

/// Pre: block is not null, size is not 0. On failure the block stays as it was.
/// Counts one allocation for `site`, one free for the old owner, one reallocation.
/// `pc` is the return address of the call, if that is known.
void* reallocate(void* block, size_t size, uintptr_t site, uintptr_t pc = 0);

/// Bytes that may be written at `block`: constant for its life until a realloc. 0 for null and
/// foreign pointers. Some programs ask about every block that they allocate and free.
[[gnu::noinline]] size_t usable_size(const void* block);

/// The same; `rare()` is returned for all but small blocks that are not checked.
template <typename Rare>
[[gnu::always_inline]] inline size_t usable_size_or(const void* block, Rare rare) {
  const Span* span = heap::find_span_in_range(block);
  return likely(span->thread != nullptr) ? span->usable_bytes() : rare();
}

/// Does the block come from this allocator?
bool owns(const void* block);

/// A request that failed before it reached the heap (overflow): counts it.
void count_failure(uintptr_t site);

/// Gives free memory back to the kernel. Returns whether any was.
bool release_free_memory(size_t keep_bytes);

// What a new block keeps of its request. A metered one is on no list any more, and still says where
// its word is.

inline void meter(ThreadState* thread,
                  const Bin* bin,
                  const FreeBlock* block,
                  OwnerCounters* counters,
                  uint32_t owner,
                  size_t size) {
  if constexpr (!kAccounting) {
    return;
  }
  const uint32_t block_bytes = bin->block_bytes;
  *block->word = heap::BlockMeta::pack(OwnerId{owner}, block_bytes - static_cast<uint32_t>(size));
  count_allocation(counters, size, block_bytes);
  bump(thread->record.live_bytes, static_cast<int64_t>(size));
}

inline void note_slack(Bin* bin, FreeBlock* block, size_t size) {
  heap::write_slack(block, bin->last, size);
  bump(bin->allocated_bytes, size);
}

/// The slot of a request that has one; null otherwise. Pre: not larger than any class.
[[gnu::always_inline]] inline Slot* probe(const ThreadState* thread,
                                          uintptr_t site,
                                          unsigned selector) {
  const uint64_t key = slot_key(site, selector);
  Slot* slot = thread->slot_of(key);
  if (likely(slot->key == key)) {
    return slot;
  }
  slot = other_place(slot);
  return slot->key == key ? slot : nullptr;
}

/// A block of the slot's, charged. `empty(slot)` is returned when its bin has none. Pre: size is
/// below Slot::kNoSize.
template <typename Empty>
[[gnu::always_inline]] inline void* allocate_from(
    ThreadState* thread, Slot* slot, unsigned selector, size_t size, Empty empty) {
  if (likely(slot->uniform_size == static_cast<uint16_t>(size))) {
    FreeBlock* block = pop_block(slot->uniform_bin);
    return likely(block != nullptr) ? block : empty(slot);
  }
  if (slot->is_varied != 0) {
    Bin* bin = slot->varied_bin;
    FreeBlock* block = pop_block(bin);
    if (unlikely(block == nullptr)) {
      return empty(slot);
    }
    note_slack(bin, block, size);
    return block;
  }
  Bin* bin = thread->metered[selector / 2];
  FreeBlock* block = pop_block(bin);
  if (unlikely(block == nullptr)) {
    return empty(slot);
  }
  meter(thread, bin, block, slot->counters, slot->owner, size);
  return likely(--thread->sample_in != 0) ? block : sample_slow(thread, slot, size, block);
}

/// The fast path. `miss()` is returned when the request has no slot, `empty(slot)` when its bin has
/// no block.
template <typename Miss, typename Empty>
[[gnu::always_inline]] inline void* allocate_or(size_t size,
                                                uintptr_t site,
                                                Miss miss,
                                                Empty empty) {
  ThreadState* thread = tls_state;
  if (unlikely(size > heap::kTabledBytes) && unlikely(size > heap::kLargestClassBytes)) {
    return miss();
  }
  const unsigned selector = heap::selector_of(size);
  if constexpr (!kAccounting) {
    FreeBlock* block = pop_block(thread->metered[selector / 2]);
    return likely(block != nullptr) ? block : miss();
  }
  Slot* slot = probe(thread, site, selector);
  return slot == nullptr ? miss() : allocate_from(thread, slot, selector, size, empty);
}

template <SlowPath Slow>
[[gnu::always_inline]] inline void* without_slot(size_t size, uintptr_t site) {
  return Slow(size, site, nullptr);
}

/// `Slow` is what the caller wants to happen when the fast path has no block: a tail call keeps it
/// free of a frame. `Search` is what happens when the site is not known.
template <SlowPath Slow = allocate_slow,
          void* (*Search)(size_t size, uintptr_t site) = without_slot<Slow>>
[[gnu::always_inline]] inline void* allocate(size_t size, uintptr_t site) {
  return allocate_or(
      size, site, [=] { return Search(size, site); },
      [=](Slot* slot) { return Slow(size, site, slot); });
}

// Entry points that have no frame hand it on by tail calls: what the next function finds at its
// beginning is what the entry point would have found.

/// The whole way to whom the block is charged, for what allocate_behind cannot do.
template <SlowPath Slow>
[[gnu::noinline]] void* allocate_blaming(size_t size) {
  if (stands_aside()) {
    return Slow(size, 0, nullptr);
  }
  const auto* entry = static_cast<const EntryFrame*>(__builtin_frame_address(0));
  return allocate<Slow>(size, blame(entry->caller()));
}

/// Beyond it, blame: what calls itself so often, or has no caller, is out of the ordinary.
inline constexpr unsigned kFastWrapperLevels = 64;

// Three functions that hand on to each other by tail calls: small, so that none needs a frame.
// `sp` is the stack pointer when the call at `pc` returns; `levels` are left to look at.

template <SlowPath Slow>
[[gnu::noinline]] void* allocate_behind(size_t size, uintptr_t pc, uintptr_t sp, unsigned levels);

/// `pc` is in the table of facts alone, or unknown, and has no slot.
template <SlowPath Slow>
[[gnu::noinline]] void* allocate_by_facts(size_t size,
                                          uintptr_t pc,
                                          uintptr_t sp,
                                          unsigned levels) {
  const tag::Facts facts = tag::find_facts(tag::fact_key(pc));
  if (facts.is_site() && levels == kFastWrapperLevels) {
    return Slow(size, pc, nullptr);
  }
  if (!facts.has_plain_row() || levels == 0) {
    return allocate_blaming<Slow>(size);
  }
  const uintptr_t caller_sp = sp + facts.plain_offset();
  const uintptr_t caller_pc = reinterpret_cast<const uintptr_t*>(caller_sp)[-1];
  return allocate_or(
      size, caller_pc,
      [=] { return allocate_behind<Slow>(size, caller_pc, caller_sp, levels - 1); },
      [=](Slot* slot) { return Slow(size, caller_pc, slot); });
}

/// `pc` may have a slot: only sites that are to blame have.
template <SlowPath Slow>
[[gnu::noinline]] void* allocate_at(size_t size, uintptr_t pc, uintptr_t sp, unsigned levels) {
  return allocate_or(
      size, pc,
      [=] {
        return tag::find_plain_wrapper(pc).is_of(pc)
                   ? allocate_behind<Slow>(size, pc, sp, levels)
                   : allocate_by_facts<Slow>(size, pc, sp, levels);
      },
      [=](Slot* slot) { return Slow(size, pc, slot); });
}

/// `pc` has no slot. If it lies in an allocation wrapper whose frame is an ordinary one, its caller
/// is tried next.
template <SlowPath Slow>
[[gnu::noinline]] void* allocate_behind(size_t size, uintptr_t pc, uintptr_t sp, unsigned levels) {
  tag::PlainWrapper wrapper = tag::find_plain_wrapper(pc);
  if (unlikely(!wrapper.is_of(pc))) {
    return allocate_by_facts<Slow>(size, pc, sp, levels);
  }
  for (; levels != 0; --levels) {
    sp += wrapper.offset();
    pc = reinterpret_cast<const uintptr_t*>(sp)[-1];
    if (!wrapper.is_called_by_wrappers()) {
      break;
    }
    wrapper = tag::find_plain_wrapper(pc);
    if (!wrapper.is_of(pc)) {
      break;
    }
  }
  return levels == 0 ? allocate_blaming<Slow>(size) : allocate_at<Slow>(size, pc, sp, levels - 1);
}

/// What entry points without a frame do when the fast path has no block for their return address.
template <SlowPath Slow>
[[gnu::noinline]] void* allocate_for_caller(size_t size, uintptr_t pc) {
  // Without a frame pointer of its own, which would have to be saved: the compare tells whether the
  // stack pointer is still what it was when the entry point was called.
  uintptr_t sp;
  __asm__("movq %%rsp, %0" : "=r"(sp));
  return likely(*reinterpret_cast<const uintptr_t*>(sp) == pc)
             ? allocate_behind<Slow>(size, pc, sp + sizeof(uintptr_t), kFastWrapperLevels)
             : allocate_blaming<Slow>(size);
}

// A block of the calling thread's goes back to its bin, and is charged.

[[gnu::always_inline]] inline void put_back(ThreadState* thread,
                                            Bin* bin,
                                            Span* span,
                                            FreeBlock* block) {
  const uint64_t frees = bin->frees + 1;
  write_relaxed(bin->frees, frees);
  if (unlikely(static_cast<int64_t>(frees - bin->allocations) > bin->bound)) {
    return put_in_span(thread, bin, span, block);
  }
  push_block(bin, block);
}

[[gnu::noinline]] void put_back_metered(FreeBlock* block, Span* span, ThreadState* thread);

[[gnu::always_inline]] inline void take_back(ThreadState* thread, Span* span, void* freed) {
  auto* block = static_cast<FreeBlock*>(freed);
  Bin* bin = static_cast<Bin*>(span->bin);
  if (unlikely(bin->free_list == block)) {
    return refuse_double_free(thread, block);
  }
  if (!kAccounting) {
    return put_back(thread, bin, span, block);
  }
  if (unlikely(span->kind > heap::SpanKind::kVaried)) {
    return put_back_metered(block, span, thread);
  }
  if (span->kind == heap::SpanKind::kVaried) {
    bump(bin->freed_bytes, span->varied_size(block));
  }
  return put_back(thread, bin, span, block);
}

/// The fast path. `miss(span)` does the whole work when the block is not one of this thread's bins.
template <typename Miss>
[[gnu::always_inline]] inline void deallocate_or(void* block, Miss miss) {
  ThreadState* thread = tls_state;
  Span* span = heap::find_span_in_range(block);
  if (unlikely(span->thread != thread)) {
    return miss(span);
  }
  return take_back(thread, span, block);
}

[[gnu::always_inline]] inline void deallocate(void* block) {
  deallocate_or(block, [=](Span* /*span*/) { deallocate_slow(block); });
}

}  // namespace heaptag::allocator
