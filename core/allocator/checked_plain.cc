// The plain ways of checked blocks, which most calls take: a request that has a slot, a block that
// has waited and has not changed; a live block of a known owner, freed as it should be. Everything
// else goes on with care (checked.cc), from where nothing has been changed. Nothing is left half
// done at any instruction: no scope of a slow path is needed.
//
// Written for the fewest instructions: records and blocks are the caches' load, and what is done
// with them is twice the work of all else that a program does with its memory.
#include "core/allocator/checked.h"
#include "core/allocator/checked_lists.h"
#include "core/allocator/peak.h"
#include "core/safety/block_check.h"
#include "core/safety/checksum.h"

namespace heaptag::allocator {

using safety::Family;

namespace {

// May it be handed out at once? Its life, or kNotNow.
constexpr uint32_t kNotNow = ~uint32_t{0};

[[gnu::always_inline]] inline uint32_t life_as_it_was(const BlockRecord* record, size_t bytes) {
  const uint32_t life = read_relaxed(record->life);
  const BlockState state = BlockRecord::state_in(life);
  if (likely(state == BlockState::kFreed)) {
    return likely(safety::crc_checksum(record->base(), bytes) == record->checksum) ? life : kNotNow;
  }
  return state == BlockState::kUnused ? life : kNotNow;
}

// Null: nothing was done.
template <bool kHasRedzones>
[[gnu::always_inline]] inline void* try_allocate(
    ThreadState* thread, CheckedLists* lists, const Slot* slot, size_t size, Family family) {
  CheckedQueue* queue = kHasRedzones ? &lists->sizes[heap::class_of(size + lists->extra_bytes)]
                                     : &lists->sizes[heap::class_of_selector(slot->selector)];
  const size_t block_bytes = queue->block_bytes;
  uint32_t life = kNotNow;
  BlockRecord* record = pop_checked(lists, queue, [&](const BlockRecord* next) {
    life = life_as_it_was(next, block_bytes);
    return life != kNotNow;
  });
  if (unlikely(record == nullptr)) {
    return nullptr;
  }
  char* base = record->base();
  const size_t front = kHasRedzones ? lists->front_bytes : 0;
  // Before anything else: whoever verifies meanwhile, in a forked child perhaps, looks away.
  life = BlockRecord::next_life(life, BlockState::kChanging);
  write_relaxed(record->life, life);
  __atomic_signal_fence(__ATOMIC_SEQ_CST);
  if (kHasRedzones && lists->extra_bytes != 0) {
    safety::fill_redzones({record, base, block_bytes, front, size, nullptr});
  }
  OwnerCounters* counters = slot->counters;
  record->owner = slot->owner;
  record->requested = static_cast<uint32_t>(size);
  record->set_allocation(base, front, family);
  record->link = lists->thread_in_link;
  record->allocated_ms = lists->now_ms;
  record->allocated_stack = 0;
  __atomic_store_n(&record->life, BlockRecord::next_life(life, BlockState::kLive),
                   __ATOMIC_RELEASE);
  count_allocation(counters, size, block_bytes);
  bump(thread->record.live_bytes, static_cast<int64_t>(size));
  publish_live(thread);
  return base + front;
}

// False: nothing was done.
template <bool kHasRedzones>
[[gnu::always_inline]] inline bool try_deallocate(ThreadState* thread,
                                                  CheckedLists* lists,
                                                  void* passed,
                                                  Span* span,
                                                  uintptr_t pc,
                                                  Family family,
                                                  size_t told_size) {
  if (unlikely((span->flags & heap::kZoneFlags) != 0 || is_large(span))) {
    return false;
  }
  const uint32_t index = span->index_of_block(passed);
  CheckedQueue* queue = &lists->sizes[span->size_class];
  if (unlikely(index >= span->capacity || is_too_long(queue) || is_maintenance_due(lists))) {
    return false;
  }
  BlockRecord* record = records_of(span) + index;
  const uint64_t place = record->place;
  uint32_t life = read_relaxed(record->life);
  const size_t requested = record->requested;
  OwnerCounters* counters = thread->find_counters(OwnerId{record->owner});
  const size_t front = kHasRedzones ? BlockRecord::front_of(place) : 0;
  // Not from the record: the processor can fetch the block meanwhile.
  const char* base = static_cast<const char*>(passed) - front;
  if (unlikely(counters == nullptr || BlockRecord::state_in(life) != BlockState::kLive ||
               base != BlockRecord::base_of(place) ||
               !safety::may_free(BlockRecord::family_of(place), family) ||
               (told_size != 0 && told_size != requested))) {
    return false;
  }
  const size_t block_bytes = queue->block_bytes;
  if constexpr (kHasRedzones) {
    const CheckedBlock block = block_at(span, index);
    safety::Damage damage;
    if (lists->extra_bytes != 0 && unlikely(safety::find_redzone_damage(block, &damage))) {
      return false;
    }
    safety::keep_content(block);
  }
  record->checksum = safety::crc_checksum(base, block_bytes);
  // Of two threads that free it at the same moment, one does.
  if (unlikely(!record->become_freed(life))) {
    return false;
  }
  record->freed_stack = 0;
  record->release = lists->thread_in_link | (pc & BlockRecord::kAddressMask);
  record->freed_ms = lists->now_ms;
  record->freed_count = ++lists->frees;
  count_free(counters, requested, block_bytes);
  drop(thread->record.live_bytes, static_cast<int64_t>(requested));
  push_checked(lists, queue, record, block_bytes);
  publish_live(thread);
  return true;
}

// With redzones and copies, functions of their own: the others need fewer registers.

[[gnu::noinline]] void* allocate_in_redzones(size_t size,
                                             uintptr_t site,
                                             Family family,
                                             Slot* slot) {
  ThreadState* thread = tls_state;
  CheckedLists* lists = thread->checked;
  if (likely(lists != nullptr && lists->way == CheckedWay::kRedzones && slot != nullptr &&
             size <= heap::kTabledBytes)) {
    void* block = try_allocate<true>(thread, lists, slot, size, family);
    if (likely(block != nullptr)) {
      return block;
    }
  }
  return allocate_with_care(size, site, family);
}

[[gnu::noinline]] void deallocate_in_redzones(
    void* passed, Span* span, uintptr_t pc, Family family, size_t size) {
  ThreadState* thread = tls_state;
  CheckedLists* lists = thread->checked;
  if (unlikely(lists == nullptr || lists->way != CheckedWay::kRedzones ||
               !try_deallocate<true>(thread, lists, passed, span, pc, family, size))) {
    deallocate_with_care(passed, span, pc, family, size);
  }
}

}  // namespace

void* allocate_checked(size_t size, uintptr_t site, Family family, Slot* slot) {
  ThreadState* thread = tls_state;
  CheckedLists* lists = thread->checked;
  if (unlikely(lists == nullptr || lists->way != CheckedWay::kPlain || slot == nullptr)) {
    return allocate_in_redzones(size, site, family, slot);
  }
  void* block = try_allocate<false>(thread, lists, slot, size, family);
  return likely(block != nullptr) ? block : allocate_with_care(size, site, family);
}

void deallocate_checked(void* passed, Span* span, uintptr_t pc, Family family, size_t size) {
  ThreadState* thread = tls_state;
  CheckedLists* lists = thread->checked;
  if (unlikely(lists == nullptr || lists->way != CheckedWay::kPlain)) {
    return deallocate_in_redzones(passed, span, pc, family, size);
  }
  if (unlikely(!try_deallocate<false>(thread, lists, passed, span, pc, family, size))) {
    deallocate_with_care(passed, span, pc, family, size);
  }
}

}  // namespace heaptag::allocator
