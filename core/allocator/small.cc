// Slow paths of small blocks: a slot that misses, a span that is exhausted, a size that has become
// hot.
#include "core/allocator/small.h"

#include "core/allocator/allocator.h"
#include "core/allocator/blame.h"
#include "core/allocator/checked.h"
#include "core/allocator/guard_sampling.h"
#include "core/allocator/guarded.h"
#include "core/allocator/large.h"
#include "core/allocator/slow_path.h"
#include "core/allocator/stray.h"
#include "core/allocator/threads.h"
#include "core/heap/page_heap.h"
#include "core/meta/meta_allocator.h"

namespace heaptag::allocator {

namespace {

// A small table is roomy, so that keys are found at their first place. A large one competes with
// the program for the caches: it has as many slots as are kept being missed, 512 KiB at most.
constexpr uint64_t kRoomySlots = 1024;
constexpr uint64_t kMaxSlots = 16384;
constexpr uint32_t kEvictionsPerSlot = 4;

// Larger blocks gain nothing from spans of their own.
constexpr size_t kLargestOwnBytes = 1024;

// Own bins cost about half a page each: at most this, and a part of the heap, may go to them.
constexpr size_t kOwnBinCostBytes = 2 * kKiB;
constexpr size_t kOwnBudgetBytes = 64 * kKiB;
constexpr size_t kOwnBudgetDivisor = 32;

// One metered allocation in so many is looked at. A size that was asked for so often in a row gets
// spans of its own; a pair that has been seen so often gets spans for all of its sizes. One size
// among many is not worth spans of its own: mispredicted branches cost more than they save.
constexpr uint32_t kSampleEvery = 16;
constexpr uint32_t kHotRun = 5;
constexpr uint32_t kHotSamples = 12;
constexpr uint32_t kMaxSamples = 63;
constexpr uint32_t kMaxRun = 15;

// Sizes that fill their class to the byte are one among many where the sizes above them, which come
// from one bin, are asked for so many times as often.
constexpr uint32_t kManyTimes = 8;
constexpr uint32_t kAllocationsPerMark = kHotRun * kSampleEvery;
constexpr uint32_t kMarkMask = 127;

uint32_t used_slots(const SlotTable& table, uint64_t count) {
  uint32_t used = 0;
  for (uint64_t i = 0; i < count; ++i) {
    used += table.slots[i].key != Slot::kNoKey ? 1 : 0;
  }
  return used;
}

// Is half of it in use? Nobody counts the slots that are emptied: all are, before it grows.
bool is_crowded(SlotTable* table, uint64_t count) {
  if (++table->used <= count / 2 || count >= kRoomySlots) {
    return false;
  }
  table->used = used_slots(*table, count) + 1;
  return table->used > count / 2;
}

Slot* claim_slot(ThreadState* thread, uint64_t key) {
  SlotTable& table = *thread->active;
  Slot* slot = table.place_for(key);
  const uint64_t count = table.slot_mask / sizeof(Slot) + 1;
  if (slot->key == Slot::kNoKey) {
    if (!is_crowded(&table, count)) {
      return slot;
    }
  } else if (++table.evictions < count * kEvictionsPerSlot || count >= kMaxSlots) {
    return slot;
  }
  table.evictions = 0;
  table.used = 0;
  grow_slots(thread);
  return table.place_for(key);
}

FreeBlock* take_block(ThreadState* thread, Bin* bin) {
  FreeBlock* block = pop_block(bin);
  return block != nullptr || !refill(thread, bin) ? block : pop_block(bin);
}

// What a slot says before it points to any bin.
Slot bare_slot(uint64_t key, unsigned selector, OwnerId owner, OwnerCounters* counters) {
  Slot slot{};
  slot.key = key;
  slot.uniform_bin = &no_bin;
  slot.counters = counters;
  slot.owner = index_of(owner);
  slot.selector = static_cast<uint8_t>(selector);
  slot.uniform_size = Slot::kNoSize;
  return slot;
}

// The pair's slot; filled when it is somebody else's. When requests of one selector have several
// owners, no slot can speak for them: then `*instead` does. Null without memory.
Slot* find_slot(
    ThreadState* thread, unsigned selector, size_t size, uintptr_t site, Slot* instead) {
  const uint64_t key = slot_key(site, selector);
  Slot* slot = thread->active->find(key);
  if (slot != nullptr) {
    return slot;
  }
  if (unlikely(find_aside(thread, key) != nullptr)) {
    return put_back_aside(thread);
  }
  bool is_steady = true;
  const OwnerId owner = owner_of_selector(thread, site, selector, size, &is_steady);
  OwnerCounters* counters = counters_of(thread, owner);
  if (counters == &thread->lost) {
    return nullptr;
  }
  if (guards_blocks() && is_always_guarded(owner)) {
    is_steady = false;
  }
  slot = is_steady ? claim_slot(thread, key) : instead;
  *slot = bare_slot(key, selector, owner, counters);
  return slot;
}

void* allocate_in_metered(ThreadState* thread, const Slot& slot, unsigned size_class, size_t size) {
  Bin* bin = metered_bin(thread, size_class);
  FreeBlock* block = bin == nullptr ? nullptr : take_block(thread, bin);
  if (block != nullptr) {
    meter(thread, bin, block, slot.counters, slot.owner, size);
  }
  return block;
}

void point_to(Slot* slot, Bin* bin) {
  if (bin->requested_bytes == Span::kVaried) {
    slot->is_varied = 1;
    slot->varied_bin = bin;
  } else {
    slot->uniform_size = bin->requested_bytes;
    slot->uniform_bin = bin;
  }
}

// Bins that have become cold are asked no more.
void forget_cold_bins(const ThreadState* thread, Slot* slot) {
  if (!slot->uniform_bin->active) {
    slot->uniform_bin = &no_bin;
    slot->uniform_size = Slot::kNoSize;
  }
  if (slot->is_varied != 0 && !slot->varied_bin->active) {
    slot->is_varied = 0;
    slot->counters = thread->known_counters(OwnerId{slot->owner});
  }
}

Bin* find_active_bin(ThreadState* thread, uint64_t key) {
  Bin* bin = find_own_bin(thread, key);
  return bin != nullptr && bin->active ? bin : nullptr;
}

// The bin of the pair alone that the size goes to, if there is one.
Bin* find_bin(ThreadState* thread, Slot* slot, size_t size) {
  forget_cold_bins(thread, slot);
  if (slot->uniform_size == size) {
    return slot->uniform_bin;
  }
  const OwnerId owner{slot->owner};
  Bin* bin = find_active_bin(thread, uniform_key(owner, size));
  if (bin == nullptr && slot->is_varied != 0) {
    return slot->varied_bin;
  }
  if (bin == nullptr && !heap::is_exact(slot->selector)) {
    bin = find_active_bin(thread, varied_key(owner, heap::class_of_selector(slot->selector)));
  }
  if (bin != nullptr) {
    point_to(slot, bin);
  }
  return bin;
}

void* allocate_own(ThreadState* thread, Bin* bin, size_t size) {
  FreeBlock* block = take_block(thread, bin);
  if (block == nullptr) {
    return nullptr;
  }
  if (bin->requested_bytes == Span::kVaried) {
    note_slack(bin, block, size);
  }
  return block;
}

bool has_own_bins(const ThreadState* thread, const Slot* slot) {
  return thread->known_counters(OwnerId{slot->owner})->own_bins != 0;
}

void* allocate_small(ThreadState* thread, size_t size, uintptr_t site) {
  const unsigned selector = heap::selector_of(size);
  if constexpr (!kAccounting) {
    return allocate_in_metered(thread, Slot{}, heap::class_of_selector(selector), size);
  }
  Slot shared;
  Slot* slot = find_slot(thread, selector, size, site, &shared);
  if (slot == nullptr) {
    return nullptr;
  }
  if (slot != &shared && has_own_bins(thread, slot)) {
    Bin* bin = find_bin(thread, slot, size);
    if (bin != nullptr) {
      return allocate_own(thread, bin, size);
    }
  }
  return allocate_in_metered(thread, *slot, heap::class_of_selector(selector), size);
}

bool may_have_own_bin(const ThreadState* thread) {
  const size_t cost_bytes = (size_t{thread->own_active} + 1) * kOwnBinCostBytes;
  return cost_bytes <= kOwnBudgetBytes + heap::page_heap_figures().used_bytes / kOwnBudgetDivisor;
}

void promote(ThreadState* thread, Slot* slot, const OwnKind& kind) {
  Bin* bin = make_own_bin(thread, kind);
  if (bin != nullptr) {
    point_to(slot, bin);
  }
}

void promote_size(ThreadState* thread, Slot* slot, size_t size) {
  const OwnerId owner{slot->owner};
  promote(thread, slot,
          {uniform_key(owner, size), owner, static_cast<uint16_t>(size),
           static_cast<uint8_t>(heap::class_of_selector(slot->selector))});
}

void promote_pair(ThreadState* thread, Slot* slot) {
  const OwnerId owner{slot->owner};
  const unsigned size_class = heap::class_of_selector(slot->selector);
  promote(thread, slot,
          {varied_key(owner, size_class), owner, Span::kVaried, static_cast<uint8_t>(size_class)});
}

// Samples are spaced irregularly: a program that asks for sizes in turn must not be seen asking for
// one.
uint32_t next_sample_in(ThreadState* thread) {
  thread->sample_seed = thread->sample_seed * 1664525U + 1013904223U;
  return kSampleEvery / 2 + 1 + (thread->sample_seed >> 16) % kSampleEvery;
}

// The bin of the sizes just above an exact one, whose blocks hold it, too. Null: there is none.
Bin* bin_above(ThreadState* thread, const Slot* slot) {
  if (slot->selector < 2) {  // 0 bytes are farther below
    return nullptr;
  }
  const unsigned size_class = heap::class_of_selector(slot->selector);
  return find_active_bin(thread, varied_key(OwnerId{slot->owner}, size_class + 1));
}

uint32_t mark_of(const Bin* bin) {
  return bin == nullptr ? 0 : bin->allocations / kAllocationsPerMark & kMarkMask;
}

// With every 16th block in a bin of its own, each call would guess wrong which kind comes next.
void promote_exact(ThreadState* thread, Slot* slot, size_t size) {
  Bin* above = bin_above(thread, slot);
  const uint32_t meanwhile = (mark_of(above) - slot->candidate_slack) & kMarkMask;
  if (above != nullptr && meanwhile >= kManyTimes) {
    point_to(slot, above);
  } else {
    promote_size(thread, slot, size);
  }
}

// All requests of the slot are of one size, so there is no slack to watch.
bool is_hot_exact(ThreadState* thread, Slot* slot) {
  if (slot->run == 0) {
    slot->candidate_slack = static_cast<uint8_t>(mark_of(bin_above(thread, slot)));
  }
  slot->run = slot->run + 1;
  return slot->run >= kHotRun;
}

void look_at_sample(ThreadState* thread, Slot* slot, size_t size) {
  if (size > kLargestOwnBytes) {
    return;
  }
  if (heap::is_exact(slot->selector)) {
    if (is_hot_exact(thread, slot)) {
      slot->run = 0;
      if (may_have_own_bin(thread)) {
        promote_exact(thread, slot, size);
      }
    }
    return;
  }
  slot->samples = slot->samples < kMaxSamples ? slot->samples + 1 : kMaxSamples;
  const size_t slack = heap::class_bytes(heap::class_of_selector(slot->selector)) - size;
  if (slot->candidate_slack != slack) {
    slot->candidate_slack = static_cast<uint8_t>(slack);
    slot->run = 0;
  }
  slot->run = slot->run < kMaxRun ? slot->run + 1 : kMaxRun;
  if (slot->run < kHotRun && slot->samples < kHotSamples) {
    return;
  }
  if (may_have_own_bin(thread)) {
    if (slot->run >= kHotRun) {
      promote_size(thread, slot, size);
    } else {
      promote_pair(thread, slot);
    }
    slot->run = 0;
    slot->samples = 0;
  }
}

}  // namespace

Slot* put_back_aside(ThreadState* thread) {
  Slot* slot = claim_slot(thread, thread->set_aside.key);
  *slot = thread->set_aside;
  thread->set_aside_of = nullptr;
  return slot;
}

void* sample_slow(ThreadState* thread, Slot* slot, size_t size, void* block) {
  BusyScope busy(thread);
  thread->sample_in = next_sample_in(thread);
  look_at_sample(thread, slot, size);
  if (guards_blocks()) {
    note_sampled(thread, slot, kSampleEvery);
    look_at_own_bins(thread);
  }
  return block;
}

void* allocate_metered(ThreadState* thread, unsigned size_class, size_t size, uintptr_t site) {
  const OwnerId owner = owner_of_request(thread, site, size);
  OwnerCounters* counters = counters_of(thread, owner);
  if (counters == &thread->lost) {
    return nullptr;
  }
  const Slot slot = bare_slot(Slot::kNoKey, 0, owner, counters);
  return allocate_in_metered(thread, slot, size_class, size);
}

OwnerCounters* counters_for(ThreadState* thread, size_t size, uintptr_t site, OwnerId* owner) {
  if (likely(size <= heap::kLargestClassBytes)) {
    Slot shared;
    const Slot* slot = find_slot(thread, heap::selector_of(size), size, site, &shared);
    *owner = slot == nullptr ? OwnerId::kNone : OwnerId{slot->owner};
    return slot == nullptr ? nullptr : thread->known_counters(*owner);
  }
  *owner = owner_of_request(thread, site, size);
  OwnerCounters* counters = counters_of(thread, *owner);
  return counters == &thread->lost ? nullptr : counters;
}

void* allocate_slow_as(size_t size, uintptr_t site, safety::Family family, Slot* slot) {
  if (guards_blocks()) {
    void* block = allocate_guarded({size, 1, site, family});
    if (block != nullptr) {
      return block;
    }
    slot = nullptr;  // set aside, perhaps, or in a table that has grown since
  }
  return checks_blocks() ? allocate_checked(size, site, family, slot)
                         : allocate_unchecked(size, site);
}

void* allocate_unchecked(size_t size, uintptr_t site, Slot* /*slot*/) {
  return allocate_in_slow_path(size, site, [=](ThreadState* thread) -> void* {
    if (guards_blocks()) {
      look_at_own_bins(thread);
    }
    if (size > heap::kLargestClassBytes) {
      Span* span = allocate_large(thread, size, 1, site);
      return span == nullptr ? nullptr : span->base;
    }
    return allocate_small(thread, size, site);
  });
}

void* allocate_slow(size_t size, uintptr_t site, Slot* slot) {
  return allocate_slow_as(size, site, safety::Family::kMalloc, slot);
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
