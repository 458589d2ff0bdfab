// Slow paths of small blocks: a slot that misses, a span that is exhausted, a pair that has become
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

// Slots compete with the program for the caches: as many as it keeps missing, 128 KiB at most.
constexpr uint64_t kMaxSlots = 4096;
constexpr uint32_t kEvictionsPerSlot = 4;

// Larger blocks gain nothing from spans of their own, and a realloc in place needs a metered one.
constexpr uint32_t kLargestUniformBytes = 1024;

// Uniform bins cost about half a page each: at most this, and a part of the heap, may go to them.
constexpr size_t kUniformBinCostBytes = 2 * kKiB;
constexpr size_t kUniformBudgetBytes = 64 * kKiB;
constexpr size_t kUniformBudgetDivisor = 32;

void fill_uniform_slot(Slot* slot, uint64_t key, Span* span) {
  *slot = Slot{key, span, nullptr, 0, 0, 0};
}

void grow_slots(ThreadState* thread) {
  const uint64_t old_count = thread->slot_mask / sizeof(Slot) + 1;
  const uint64_t count = old_count * 2;
  if (count > kMaxSlots) {
    return;
  }
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

Slot* claim_slot(ThreadState* thread, uint64_t key) {
  Slot* slot = thread->slot_of(key);
  if (slot->key != Slot::kNoKey && slot->key != key) {
    const uint64_t count = thread->slot_mask / sizeof(Slot) + 1;
    if (++thread->evictions >= count * kEvictionsPerSlot && count < kMaxSlots) {
      thread->evictions = 0;
      grow_slots(thread);
      slot = thread->slot_of(key);
    }
  }
  return slot;
}

Span* span_with_block(ThreadState* thread, Bin* bin) {
  return bin->current->free_list != nullptr ? bin->current : refill(thread, bin);
}

void* allocate_uniform(ThreadState* thread, Bin* bin, size_t size) {
  Span* span = span_with_block(thread, bin);
  if (span == nullptr) {
    return nullptr;
  }
  fill_uniform_slot(claim_slot(thread, bin->key), bin->key, span);
  void* block = pop_block(span);
  thread->record.live_bytes += static_cast<int64_t>(size);
  return block;
}

// The slot of the owner's size class; filled when it is somebody else's. Null without memory.
Slot* metered_slot(ThreadState* thread, unsigned size_class, uintptr_t site) {
  const uint64_t key = class_key(site, size_class);
  Slot* slot = thread->slot_of(key);
  if (slot->key == key) {
    return slot;
  }
  const OwnerId owner = tag::owner_of_site(site);
  OwnerCounters* counters = counters_of(thread, owner);
  Bin* bin = metered_bin(thread, size_class);
  if (bin == nullptr || counters == &thread->lost) {
    return nullptr;
  }
  slot = claim_slot(thread, key);
  *slot = Slot{key, bin, counters, index_of(owner), 0, 0};
  return slot;
}

void* allocate_small(ThreadState* thread, size_t size, uintptr_t site) {
  Bin* uniform = find_uniform_bin(thread, size_key(site, size));
  if (uniform != nullptr && uniform->active) {
    return allocate_uniform(thread, uniform, size);
  }
  Slot* slot = metered_slot(thread, heap::class_of(size), site);
  if (slot == nullptr) {
    return nullptr;
  }
  // A refill may sweep, but a sweep clears slots of uniform bins only: this one stays.
  Span* span = span_with_block(thread, static_cast<Bin*>(slot->target));
  if (span == nullptr) {
    return nullptr;
  }
  void* block = pop_block(span);
  meter(thread, span, block, slot->counters, slot->owner, size);
  note_size(thread, slot, size);
  return block;
}

bool may_have_uniform_bin(const ThreadState* thread) {
  const size_t cost_bytes = (size_t{thread->uniform_active} + 1) * kUniformBinCostBytes;
  return cost_bytes <=
         kUniformBudgetBytes + heap::page_heap_figures().used_bytes / kUniformBudgetDivisor;
}

}  // namespace

void* allocate_metered(ThreadState* thread, unsigned size_class, size_t size, uintptr_t site) {
  const Slot* slot = metered_slot(thread, size_class, site);
  Span* span = slot == nullptr ? nullptr : span_with_block(thread, static_cast<Bin*>(slot->target));
  if (span == nullptr) {
    return nullptr;
  }
  void* block = pop_block(span);
  meter(thread, span, block, slot->counters, slot->owner, size);
  return block;
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
  const uint64_t key = size_key(site_of_key(slot->key), size);
  const OwnerId owner{slot->owner};
  slot->lead = 0;
  if (size > kLargestUniformBytes || !may_have_uniform_bin(thread)) {
    return;
  }
  Bin* bin = make_uniform_bin(thread, key, owner, size);
  Span* span = bin == nullptr ? nullptr : span_with_block(thread, bin);
  if (span != nullptr) {
    fill_uniform_slot(claim_slot(thread, key), key, span);
  }
}

void count_failure(uintptr_t site) {
  ThreadScope scope;
  if (scope.thread() != nullptr) {
    bump(counters_of(scope.thread(), tag::owner_of_site(site))->failed);
  }
}

}  // namespace heaptag::allocator
