// Slow paths of small blocks: a slot that misses, a span that is exhausted, a size that has become
// hot.
#include "core/allocator/small.h"

#include "core/allocator/allocator.h"
#include "core/allocator/blame.h"
#include "core/allocator/large.h"
#include "core/allocator/peak.h"
#include "core/allocator/stray.h"
#include "core/allocator/threads.h"
#include "core/heap/page_heap.h"
#include "core/meta/meta_allocator.h"

namespace heaptag::allocator {

namespace {

// Slots compete with the program for the caches: as many as it keeps missing, 512 KiB at most.
constexpr uint64_t kMaxSlots = 16384;
constexpr uint32_t kEvictionsPerSlot = 4;

// Larger blocks gain nothing from spans of their own.
constexpr size_t kLargestOwnBytes = 1024;

// Own bins cost about half a page each: at most this, and a part of the heap, may go to them.
constexpr size_t kOwnBinCostBytes = 2 * kKiB;
constexpr size_t kOwnBudgetBytes = 64 * kKiB;
constexpr size_t kOwnBudgetDivisor = 32;

// One metered allocation in so many is looked at. A size that is ahead of the other sizes of its
// pair by so many samples gets spans of its own; the rest of a pair that has been seen so often
// gets spans together.
constexpr uint32_t kSampleEvery = 16;
constexpr uint32_t kHotLead = 3;
constexpr uint32_t kHotSamples = 12;
constexpr uint32_t kMaxSamples = 63;

// The place of a key that is not there.
Slot* claim_slot(ThreadState* thread, uint64_t key) {
  SlotTable& table = *thread->active;
  const uint64_t count = table.slot_mask / sizeof(Slot) + 1;
  if (table.slot_of(key)->key != Slot::kNoKey && ++table.evictions >= count * kEvictionsPerSlot &&
      count < kMaxSlots) {
    table.evictions = 0;
    grow_slots(thread);
  }
  return thread->slot_of(key);
}

Span* span_with_block(ThreadState* thread, Bin* bin) {
  return bin->current->free_list != nullptr ? bin->current : refill(thread, bin);
}

// What a slot says before it points to any span.
Slot bare_slot(uint64_t key, OwnerId owner, OwnerCounters* counters) {
  return {key, no_span(), {counters}, index_of(owner), 0, 0, 0, 0, Slot::kNoSize};
}

// The pair's slot; filled when it is somebody else's. When requests of one selector have several
// owners, no slot can speak for them: then `*instead` does. Null without memory.
Slot* find_slot(
    ThreadState* thread, unsigned selector, size_t size, uintptr_t site, Slot* instead) {
  const uint64_t key = slot_key(site, selector);
  Slot* slot = thread->slot_of(key);
  if (slot->key == key) {
    return slot;
  }
  bool is_steady = true;
  const OwnerId owner = owner_of_selector(thread, site, selector, size, &is_steady);
  OwnerCounters* counters = counters_of(thread, owner);
  if (counters == &thread->lost) {
    return nullptr;
  }
  slot = is_steady ? claim_slot(thread, key) : instead;
  *slot = bare_slot(key, owner, counters);
  return slot;
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

// Makes the slot point to an own bin. Null without memory for a span.
Span* point_to(ThreadState* thread, Slot* slot, Bin* bin) {
  Span* span = bin == nullptr ? nullptr : span_with_block(thread, bin);
  if (span == nullptr) {
    return nullptr;
  }
  if (bin->requested_bytes == Span::kVaried) {
    slot->is_varied = 1;
    slot->varied_span = span;
  } else {
    slot->uniform_size = static_cast<uint16_t>(bin->requested_bytes);
    slot->uniform_span = span;
  }
  return span;
}

Bin* find_active_bin(ThreadState* thread, uint64_t key) {
  Bin* bin = find_own_bin(thread, key);
  return bin != nullptr && bin->active ? bin : nullptr;
}

// From spans of the pair alone, if it has any.
void* allocate_own(ThreadState* thread, Slot* slot, size_t size, unsigned selector) {
  Bin* bin = find_active_bin(thread, uniform_key(OwnerId{slot->owner}, size));
  Span* span = bin == nullptr ? nullptr : point_to(thread, slot, bin);
  if (span != nullptr) {
    bump(thread->record.live_bytes, static_cast<int64_t>(size));
    return pop_block(span);
  }
  bin = find_active_bin(thread, varied_key(OwnerId{slot->owner}, selector));
  span = bin == nullptr ? nullptr : point_to(thread, slot, bin);
  if (span == nullptr) {
    return nullptr;
  }
  void* block = pop_block(span);
  note_slack(thread, span, block, size);
  return block;
}

bool has_own_bins(const ThreadState* thread, const Slot* slot) {
  return thread->known_counters(OwnerId{slot->owner})->own_bins != 0;
}

void* allocate_small(ThreadState* thread, size_t size, uintptr_t site) {
  const unsigned selector = heap::selector_of(size);
  Slot shared;
  Slot* slot = find_slot(thread, selector, size, site, &shared);
  if (slot == nullptr) {
    return nullptr;
  }
  if (slot != &shared && has_own_bins(thread, slot)) {
    void* block = allocate_own(thread, slot, size, selector);
    if (block != nullptr) {
      return block;
    }
  }
  if (slot->is_varied != 0) {
    return nullptr;  // its bin has just failed to get a span
  }
  return allocate_in_metered(thread, *slot, heap::class_of_selector(selector), size);
}

bool may_have_own_bin(const ThreadState* thread) {
  const size_t cost_bytes = (size_t{thread->own_active} + 1) * kOwnBinCostBytes;
  return cost_bytes <= kOwnBudgetBytes + heap::page_heap_figures().used_bytes / kOwnBudgetDivisor;
}

void promote_size(ThreadState* thread, Slot* slot, uint32_t size) {
  Bin like{};
  like.key = uniform_key(OwnerId{slot->owner}, size);
  like.owner = OwnerId{slot->owner};
  like.requested_bytes = size;
  like.size_class = static_cast<uint8_t>(heap::class_of(size));
  like.selector = static_cast<uint8_t>(heap::selector_of(size));
  point_to(thread, slot, make_own_bin(thread, like));
}

void promote_pair(ThreadState* thread, Slot* slot, size_t size) {
  const unsigned selector = heap::selector_of(size);
  Bin like{};
  like.key = varied_key(OwnerId{slot->owner}, selector);
  like.owner = OwnerId{slot->owner};
  like.requested_bytes = Span::kVaried;
  like.size_class = static_cast<uint8_t>(heap::class_of_selector(selector));
  like.selector = static_cast<uint8_t>(selector);
  point_to(thread, slot, make_own_bin(thread, like));
}

// Samples are spaced irregularly: a program that asks for sizes in turn must not be seen asking for
// one.
uint32_t next_sample_in(ThreadState* thread) {
  thread->sample_seed = thread->sample_seed * 1664525U + 1013904223U;
  return kSampleEvery / 2 + 1 + (thread->sample_seed >> 16) % kSampleEvery;
}

}  // namespace

void* sample_slow(ThreadState* thread, Slot* slot, size_t size, void* block) {
  BusyScope busy(thread);
  thread->sample_in = next_sample_in(thread);
  if (size > kLargestOwnBytes) {
    return block;
  }
  if (slot->samples < kMaxSamples) {
    slot->samples = slot->samples + 1;
  }
  if (slot->candidate == size) {
    slot->lead = slot->lead + 1;
  } else if (slot->lead == 0) {
    slot->candidate = static_cast<uint16_t>(size);
    slot->lead = 1;
  } else {
    slot->lead = slot->lead - 1;
  }
  if (slot->lead == kHotLead && may_have_own_bin(thread)) {
    slot->lead = 0;
    promote_size(thread, slot, static_cast<uint32_t>(size));
  } else if (slot->samples >= kHotSamples && may_have_own_bin(thread)) {
    slot->samples = 0;
    promote_pair(thread, slot, size);
  } else if (slot->lead == kHotLead) {
    slot->lead = 0;
  }
  return block;
}

void* allocate_metered(ThreadState* thread, unsigned size_class, size_t size, uintptr_t site) {
  const OwnerId owner = owner_of_request(thread, site, size);
  OwnerCounters* counters = counters_of(thread, owner);
  if (counters == &thread->lost) {
    return nullptr;
  }
  const Slot slot = bare_slot(Slot::kNoKey, owner, counters);
  return allocate_in_metered(thread, slot, size_class, size);
}

void* allocate_slow(size_t size, uintptr_t site) {
  ThreadScope scope;
  ThreadState* thread = scope.thread();
  if (thread == nullptr) {
    count_stray_failure();
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
    bump(counters_of(thread, owner_of_request(thread, site, size))->failed);
    return nullptr;
  }
  publish_live(thread);
  return block;
}

void count_failure(uintptr_t site) {
  ThreadScope scope;
  ThreadState* thread = scope.thread();
  if (thread == nullptr) {
    count_stray_failure();
    return;
  }
  BusyScope busy(thread);
  bump(counters_of(thread, owner_of_request(thread, site, SIZE_MAX))->failed);
}

}  // namespace heaptag::allocator
