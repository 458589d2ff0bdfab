// Slow paths of small blocks: a slot that misses, a span that is exhausted, a size that has become
// hot.
#include "core/allocator/small.h"

#include "core/allocator/allocator.h"
#include "core/allocator/large.h"
#include "core/allocator/peak.h"
#include "core/allocator/threads.h"
#include "core/heap/page_heap.h"
#include "core/meta/meta_allocator.h"
#include "core/tag/owners.h"

namespace heaptag::allocator {

namespace {

// Slots compete with the program for the caches: as many as it keeps missing, 256 KiB at most.
constexpr uint64_t kMaxSlots = 8192;
constexpr uint32_t kEvictionsPerSlot = 4;

// Larger blocks gain nothing from spans of their own, and a realloc in place needs a metered one.
constexpr uint32_t kLargestUniformBytes = 1024;

// Uniform bins cost about half a page each: at most this, and a part of the heap, may go to them.
constexpr size_t kUniformBinCostBytes = 2 * kKiB;
constexpr size_t kUniformBudgetBytes = 64 * kKiB;
constexpr size_t kUniformBudgetDivisor = 32;

void grow_slots(ThreadState* thread) {
  const uint64_t old_count = thread->slot_mask / sizeof(Slot) + 1;
  const uint64_t count = old_count * 2;
  auto* slots = static_cast<Slot*>(meta::allocate(count * sizeof(Slot)));
  if (slots == nullptr) {
    return;
  }
  for (uint64_t i = 0; i < count; ++i) {
    slots[i].key = Slot::kNoKey;
  }
  Slot* old = thread->slots;
  thread->slots = slots;
  thread->slot_mask = (count - 1) * sizeof(Slot);
  for (uint64_t i = 0; i < old_count; ++i) {
    if (old[i].key != Slot::kNoKey) {
      *thread->slot_of(old[i].key) = old[i];
    }
  }
  meta::release(old, old_count * sizeof(Slot));
}

// The place of a key that is not there.
Slot* claim_slot(ThreadState* thread, uint64_t key) {
  const uint64_t count = thread->slot_mask / sizeof(Slot) + 1;
  if (thread->slot_of(key)->key != Slot::kNoKey &&
      ++thread->evictions >= count * kEvictionsPerSlot && count < kMaxSlots) {
    thread->evictions = 0;
    grow_slots(thread);
  }
  return thread->slot_of(key);
}

// The pair's slot; filled when it is somebody else's. Null without memory.
Slot* find_slot(ThreadState* thread, unsigned selector, uintptr_t site) {
  const uint64_t key = slot_key(site, selector);
  Slot* slot = thread->slot_of(key);
  if (slot->key == key) {
    return slot;
  }
  const OwnerId owner = tag::owner_of_site(site);
  OwnerCounters* counters = counters_of(thread, owner);
  if (counters == &thread->lost) {
    return nullptr;
  }
  slot = claim_slot(thread, key);
  *slot = Slot{key, no_span(), counters, index_of(owner), 0, 0, Slot::kNoSize};
  return slot;
}

Span* span_with_block(ThreadState* thread, Bin* bin) {
  return bin->current->free_list != nullptr ? bin->current : refill(thread, bin);
}

void* allocate_in_metered(ThreadState* thread, const Slot& slot, unsigned size_class, size_t size) {
  Bin* bin = metered_bin(thread, size_class);
  Span* span = bin == nullptr ? nullptr : span_with_block(thread, bin);
  if (span == nullptr) {
    return nullptr;
  }
  void* block = pop_block(span);
  meter(thread, span, block, slot.counters, slot.owner, size);
  return block;
}

// Makes the slot point to the spans of one size. False without memory.
bool point_to_uniform(ThreadState* thread, Slot* slot, Bin* bin) {
  Span* span = bin == nullptr ? nullptr : span_with_block(thread, bin);
  if (span == nullptr) {
    return false;
  }
  slot->uniform_size = static_cast<uint16_t>(bin->requested_bytes);
  slot->span = span;
  return true;
}

void* allocate_uniform(ThreadState* thread, Slot* slot, size_t size, uintptr_t site) {
  Bin* bin = find_uniform_bin(thread, bin_key(site, size));
  if (bin == nullptr || !bin->active || !point_to_uniform(thread, slot, bin)) {
    return nullptr;
  }
  thread->record.live_bytes += static_cast<int64_t>(size);
  return pop_block(slot->span);
}

void* allocate_small(ThreadState* thread, size_t size, uintptr_t site) {
  const unsigned selector = heap::selector_of(size);
  Slot* slot = find_slot(thread, selector, site);
  if (slot == nullptr) {
    return nullptr;
  }
  // A slot that points to no size was filled just now, or its size is not hot yet.
  if (slot->uniform_size == size || slot->uniform_size == Slot::kNoSize) {
    void* block = allocate_uniform(thread, slot, size, site);
    if (block != nullptr) {
      return block;
    }
  }
  void* block = allocate_in_metered(thread, *slot, selector / 2, size);
  if (block != nullptr) {
    note_size(thread, slot, size);
  }
  return block;
}

bool may_have_uniform_bin(const ThreadState* thread) {
  const size_t cost_bytes = (size_t{thread->uniform_active} + 1) * kUniformBinCostBytes;
  return cost_bytes <=
         kUniformBudgetBytes + heap::page_heap_figures().used_bytes / kUniformBudgetDivisor;
}

}  // namespace

void* allocate_metered(ThreadState* thread, unsigned size_class, size_t size, uintptr_t site) {
  const Slot* slot = find_slot(thread, size_class * 2, site);
  return slot == nullptr ? nullptr : allocate_in_metered(thread, *slot, size_class, size);
}

void* allocate_slow(size_t size, uintptr_t site) {
  ThreadScope scope;
  ThreadState* thread = scope.thread();
  if (thread == nullptr) {
    return nullptr;
  }
  BusyScope busy(thread);
  void* block = nullptr;
  if (size > heap::kLargestClassBytes) {
    Span* span = allocate_large(thread, size, 1, site);
    block = span == nullptr ? nullptr : span->base;
  } else {
    block = allocate_small(thread, size, site);
  }
  if (unlikely(block == nullptr)) {
    bump(counters_of(thread, tag::owner_of_site(site))->failed);
    return nullptr;
  }
  publish_live(thread);
  return block;
}

void promote_slow(ThreadState* thread, Slot* slot) {
  BusyScope busy(thread);
  const uint32_t size = slot->candidate;
  slot->lead = 0;
  if (size <= kLargestUniformBytes && may_have_uniform_bin(thread)) {
    const uint64_t key = bin_key(site_of_key(slot->key), size);
    point_to_uniform(thread, slot, make_uniform_bin(thread, key, OwnerId{slot->owner}, size));
  }
}

void count_failure(uintptr_t site) {
  ThreadScope scope;
  if (scope.thread() != nullptr) {
    bump(counters_of(scope.thread(), tag::owner_of_site(site))->failed);
  }
}

}  // namespace heaptag::allocator
