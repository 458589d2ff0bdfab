#include "core/allocator/guard_sampling.h"

#include "core/allocator/small.h"
#include "core/tag/owners.h"

namespace heaptag::allocator {

namespace {

// Own bins are looked at on every 32nd visit, 64 places of their table at a time: some 60
// instructions for each visit, whatever their number.
constexpr uint32_t kVisitsPerLook = 32;
constexpr uint32_t kPlacesPerLook = 64;

void set_aside(ThreadState* thread, uint64_t key) {
  if (thread->set_aside_of == thread->active) {
    put_back_aside(thread);  // nobody has called meanwhile
  }
  // Only now: the table may have grown, or this slot gone.
  Slot* slot = thread->active->find(key);
  if (slot != nullptr) {
    thread->set_aside = *slot;
    thread->set_aside_of = thread->active;
    slot->key = Slot::kNoKey;
  }
}

// Of a varied bin now and then that of the exact size below, should it share the bin.
uint64_t key_of_bin(const ThreadState* thread, const Bin* bin) {
  constexpr uint32_t kExactEvery = 8;
  const uintptr_t site = tag::owners()[index_of(bin->owner)].site;
  if (bin->requested_bytes != Span::kVaried) {
    return slot_key(site, heap::selector_of(bin->requested_bytes));
  }
  const unsigned exact_below = 2 * bin->size_class + 1U;
  const Slot* slot = thread->guard_visits / kVisitsPerLook % kExactEvery == 0
                         ? thread->active->find(slot_key(site, exact_below))
                         : nullptr;
  const bool is_shared = slot != nullptr && slot->is_varied != 0 && slot->varied_bin == bin;
  return slot_key(site, is_shared ? exact_below : exact_below + 1);
}

}  // namespace

void note_sampled(ThreadState* thread, Slot* slot, uint32_t allocations) {
  if (count_down_guard(thread, allocations) && is_turn_of(thread, OwnerId{slot->owner})) {
    set_aside(thread, slot->key);
  }
}

void look_at_own_bins(ThreadState* thread) {
  if (thread->own == nullptr || ++thread->guard_visits % kVisitsPerLook != 0) {
    return;
  }
  for (uint32_t i = 0; i < kPlacesPerLook && i <= thread->own_mask; ++i) {
    Bin* bin = thread->own[thread->guard_cursor++ & thread->own_mask];
    if (bin == nullptr) {
      continue;
    }
    const uint32_t allocations = static_cast<uint32_t>(bin->allocations) - bin->guard_counted;
    if (allocations == 0) {
      continue;
    }
    bin->guard_counted += allocations;
    if (bin->active && count_down_guard(thread, allocations) && is_turn_of(thread, bin->owner)) {
      set_aside(thread, key_of_bin(thread, bin));
    }
  }
}

void go_on_sampling(ThreadState* thread, uintptr_t site, unsigned selector) {
  if (count_down_guard(thread, 0)) {
    set_aside(thread, slot_key(site, selector));
  }
}

const Slot* find_aside(const ThreadState* thread, uint64_t key) {
  return thread->set_aside.key == key && thread->set_aside_of == thread->active ? &thread->set_aside
                                                                                : nullptr;
}

}  // namespace heaptag::allocator
