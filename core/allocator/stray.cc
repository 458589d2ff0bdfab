#include "core/allocator/stray.h"

#include "core/allocator/guarded.h"
#include "core/allocator/peak.h"
#include "core/allocator/threads.h"
#include "core/heap/page_heap.h"
#include "core/meta/meta_allocator.h"

namespace heaptag::allocator {

using heap::SpanState;

namespace {

constexpr uint32_t kMostChunks = heap::BlockMeta::kMaxOwners / wire::kOwnersPerChunk;
constexpr uint32_t kChunksAtOnce = 4;  // more would be mapped on their own
static_assert(kMostChunks % kChunksAtOnce == 0);

constinit OwnerCounters* chunks[kMostChunks]{};

constinit SlotPair no_slots = make_empty_slots();

constexpr ThreadState make_stray_state() {
  ThreadState state{};
  state.untagged = {no_slots.slots, 0, 0, 0, TagId::kNone, nullptr};
  state.slots = no_slots.slots;
  state.active = &stray_state.untagged;
  state.record.phase = static_cast<uint32_t>(ThreadPhase::kFrozen);
  return state;
}

void add(uint64_t& counter, uint64_t by) {
  __atomic_fetch_add(&counter, by, __ATOMIC_RELAXED);
}

// Readers look at as many chunks as have ever counted something: most often none.
OwnerCounters* counters_of_strays(OwnerId owner) {
  wire::ThreadRecord& record = stray_state.record;
  const uint64_t index = index_of(owner) / wire::kOwnersPerChunk;
  __atomic_store_n(&record.counters, reinterpret_cast<uintptr_t>(chunks), __ATOMIC_RELEASE);
  uint64_t bound = __atomic_load_n(&record.counters_chunks, __ATOMIC_RELAXED);
  while (bound <= index && !__atomic_compare_exchange_n(&record.counters_chunks, &bound, index + 1,
                                                        true, __ATOMIC_RELEASE, __ATOMIC_RELAXED)) {
  }
  return __atomic_load_n(&chunks[index], __ATOMIC_ACQUIRE) +
         index_of(owner) % wire::kOwnersPerChunk;
}

}  // namespace

constinit ThreadState stray_state = make_stray_state();

bool prepare_stray(OwnerId owner) {
  const size_t index = index_of(owner) / wire::kOwnersPerChunk;
  if (likely(__atomic_load_n(&chunks[index], __ATOMIC_ACQUIRE) != nullptr)) {
    return true;
  }
  // Most often nothing is ever counted here: some chunks at a time, so that they share no page with
  // what is written to.
  const size_t begin = index / kChunksAtOnce * kChunksAtOnce;
  constexpr size_t kBytes = kChunksAtOnce * wire::kOwnersPerChunk * sizeof(OwnerCounters);
  auto* memory = static_cast<OwnerCounters*>(meta::allocate(kBytes));
  if (memory == nullptr) {
    return false;
  }
  bool is_needed = false;
  for (size_t i = 0; i < kChunksAtOnce; ++i) {
    OwnerCounters* none = nullptr;  // else another thread was first
    is_needed |=
        __atomic_compare_exchange_n(&chunks[begin + i], &none, memory + i * wire::kOwnersPerChunk,
                                    false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
  }
  if (!is_needed) {
    meta::release(memory, kBytes);
  }
  return true;
}

void count_stray_free(OwnerId owner, size_t requested, size_t usable) {
  OwnerCounters* counters = counters_of_strays(owner);
  add(counters->frees, 1);
  add(counters->freed_bytes, requested);
  add(counters->freed_usable, usable);
}

void count_free_without_state(OwnerId owner, size_t requested, size_t usable, size_t held) {
  count_stray_free(owner, requested, usable);
  __atomic_fetch_sub(&stray_state.record.live_bytes, static_cast<int64_t>(held), __ATOMIC_RELAXED);
  publish_shared(-static_cast<int64_t>(held), false);
}

void count_shared_allocation(OwnerId owner, size_t requested, size_t usable, bool may_look) {
  OwnerCounters* counters = counters_of_strays(owner);
  add(counters->allocations, 1);
  add(counters->allocated_usable, usable);
  add(counters->allocated_bytes, requested);
  __atomic_fetch_add(&stray_state.record.live_bytes, static_cast<int64_t>(requested),
                     __ATOMIC_RELAXED);
  publish_shared(static_cast<int64_t>(requested), may_look);
}

void count_shared_failure(OwnerId owner) {
  add(counters_of_strays(owner)->failed, 1);
}

OwnerCounters* shared_counters(OwnerId owner) {
  OwnerCounters* chunk =
      __atomic_load_n(&chunks[index_of(owner) / wire::kOwnersPerChunk], __ATOMIC_ACQUIRE);
  return chunk == nullptr ? nullptr : chunk + index_of(owner) % wire::kOwnersPerChunk;
}

namespace {
constinit uint64_t outside_usable = 0;
}

const uint64_t& outside_usable_bytes() {
  return outside_usable;
}

void set_shared_figures(OwnerId owner, const OwnerCounters& figures) {
  OwnerCounters* counters = counters_of_strays(owner);
  add(outside_usable, (figures.allocated_usable - figures.freed_usable) -
                          (counters->allocated_usable - counters->freed_usable));
  const auto live = static_cast<int64_t>(figures.allocated_bytes - figures.freed_bytes);
  const auto before = static_cast<int64_t>(counters->allocated_bytes - counters->freed_bytes);
  write_relaxed(counters->allocations, figures.allocations);
  write_relaxed(counters->allocated_usable, figures.allocated_usable);
  write_relaxed(counters->allocated_bytes, figures.allocated_bytes);
  write_relaxed(counters->frees, figures.frees);
  write_relaxed(counters->freed_bytes, figures.freed_bytes);
  write_relaxed(counters->freed_usable, figures.freed_usable);
  write_relaxed(counters->failed, figures.failed);
  __atomic_fetch_add(&stray_state.record.live_bytes, live - before, __ATOMIC_RELAXED);
  publish_shared(live - before, false);
}

void count_stray_failure() {
  add(stray_state.lost.failed, 1);
}

void deallocate_stray(void* block) {
  const QuietScope quiet;
  Span* span = heap::find_span(block);
  if (span->thread != nullptr) {
    const heap::BlockCharge charge = heap::charge_of(span, block);
    count_free_without_state(charge.owner, charge.requested_bytes, charge.usable_bytes,
                             held_bytes(span, charge));
    auto* free_block = static_cast<FreeBlock*>(block);
    free_block->word = charge.word;
    hand_back(static_cast<ThreadState*>(span->thread), free_block, free_block);
  } else if (span->state == SpanState::kLarge && block == span->base) {
    count_free_without_state(span->owner, span->requested_large, span->size_bytes(),
                             span->requested_large);
    span->flags &= static_cast<uint8_t>(~heap::kFlagZeroed);
    heap::release_run(span, true);
  } else if (may_be_guarded(block)) {
    deallocate_guarded(nullptr, block, {});
  } else {
    add(stray_state.record.foreign_frees, 1);
  }
}

}  // namespace heaptag::allocator
