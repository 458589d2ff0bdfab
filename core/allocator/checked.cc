#include "core/allocator/checked.h"

#include "core/allocator/checked_lists.h"
#include "core/allocator/checked_store.h"
#include "core/allocator/checked_verify.h"
#include "core/allocator/small.h"
#include "core/allocator/stray.h"
#include "core/allocator/threads.h"
#include "core/base/units.h"
#include "core/safety/block_check.h"
#include "core/safety/stacks.h"

namespace heaptag::allocator {

using safety::Family;
using safety::Finding;
using safety::FoundWhen;
using safety::Kind;
using safety::settings;

namespace {

constexpr size_t kMinAlignment = 16;

// Freed blocks beyond this are not held back: they are too large to be summed up and to wait.
constexpr size_t kLargestHeldBytes = 16 * kMiB;

// Where a request lies in its block: what is needed in all, and the least that comes before it.
struct Layout {
  size_t front;
  size_t bytes;
};

Layout layout_of(size_t size, size_t alignment) {
  const size_t redzone = settings.redzone_bytes;
  const size_t front = align_up(redzone, kMinAlignment);
  // Blocks begin at a multiple of 16: the rest of the alignment is found in the block.
  const size_t bytes = front + (alignment - kMinAlignment) + size + redzone;
  return {front, bytes};
}

uint16_t number_of(const ThreadState* thread) {
  return static_cast<uint16_t>(thread->record.id);
}

// The user's part of a block of at least the layout's size.
CheckedBlock place(CheckedBlock block, const Layout& layout, const CheckedRequest& request) {
  const auto base = reinterpret_cast<uintptr_t>(block.base);
  block.front = align_up(base + layout.front, request.alignment) - base;
  block.requested = request.size;
  return block;
}

void fill_record(const CheckedBlock& block,
                 const CheckedRequest& request,
                 OwnerId owner,
                 ThreadState* thread) {
  BlockRecord* record = block.record;
  record->owner = index_of(owner);
  record->requested = static_cast<uint32_t>(request.size);
  record->front = static_cast<uint16_t>(block.front);
  record->family = static_cast<uint8_t>(request.family);
  record->told = 0;
  record->unsealed = 0;
  record->allocated_thread = number_of(thread);
  record->allocated_ms = thread->checked->now_ms;
  record->allocated_stack = settings.stack_depth > 1 ? safety::current_stack() : 0;
}

CheckedBlock take_large(const CheckedRequest& request) {
  const bool is_aligned_beyond = request.alignment > heap::kSpanPageBytes;
  const size_t redzone = settings.redzone_bytes;
  const size_t front = redzone == 0 ? 0 : align_up(redzone, request.alignment);
  Span* span = take_large_checked(
      front + request.size + redzone, request.size,
      is_aligned_beyond ? static_cast<uint32_t>(request.alignment / heap::kSpanPageBytes) : 1,
      front);
  if (span == nullptr) {
    return {};
  }
  return block_at(span, 0);
}

Finding call_finding(Kind kind, const void* passed, const Release& release) {
  Finding finding;
  finding.kind = kind;
  finding.when = FoundWhen::kFree;
  finding.address = reinterpret_cast<uintptr_t>(passed);
  finding.pc = release.pc;
  finding.freed_as = release.family;
  finding.freed_size = release.size;
  return finding;
}

// The call does nothing but to be told of.
void refuse(Kind kind, const CheckedBlock& block, const void* passed, const Release& release) {
  Finding finding = call_finding(kind, passed, release);
  finding.in_block = block.record != nullptr && block.record->state() != BlockState::kUnused;
  finding.block = block;
  finding.refused = true;
  safety::tell(finding);
}

bool may_free(Family allocated, Family freed) {
  return allocated == freed || allocated == Family::kAny || freed == Family::kAny;
}

void complain_about_call(const CheckedBlock& block, const Release& release) {
  Finding finding = call_finding(Kind::kFamilyMismatch, block.user(), release);
  finding.in_block = true;
  finding.block = block;
  if (!may_free(Family{static_cast<uint8_t>(block.record->family)}, release.family)) {
    safety::tell(finding);
  } else if (release.size != 0 && release.size != block.requested) {
    finding.kind = Kind::kSizeMismatch;
    safety::tell(finding);
  }
}

// Of two threads that free it at the same moment, one does.
bool become_freed(BlockRecord* record) {
  uint32_t life = read_relaxed(record->life);
  const uint32_t freed = ((life >> BlockRecord::kStateBits) + 1) << BlockRecord::kStateBits |
                         static_cast<uint32_t>(BlockState::kFreed);
  return BlockState{life & BlockRecord::kStateMask} == BlockState::kLive &&
         __atomic_compare_exchange_n(&record->life, &life, freed, false, __ATOMIC_ACQ_REL,
                                     __ATOMIC_RELAXED);
}

// Is this no pointer that may be freed?
bool find_fault_of_call(const CheckedBlock& block, const void* passed, Kind* kind) {
  const BlockState state = block.record == nullptr ? BlockState::kUnused : block.record->state();
  if (state == BlockState::kUnused) {
    *kind = Kind::kInvalidFree;
    return true;
  }
  if (state != BlockState::kLive) {
    *kind = Kind::kDoubleFree;
    return true;
  }
  *kind = Kind::kInteriorFree;
  return passed != block.user();
}

void note_release(BlockRecord* record, const Release& release, ThreadState* thread) {
  record->freed_pc = release.pc;
  record->freed_stack = settings.stack_depth > 1 ? safety::current_stack() : 0;
  if (thread != nullptr && thread->checked != nullptr) {
    record->freed_thread = number_of(thread);
    record->freed_ms = thread->checked->now_ms;
    record->freed_count = ++thread->checked->frees;
  }
}

void charge(ThreadState* thread, const CheckedBlock& block) {
  const OwnerId owner{block.record->owner};
  if (thread == nullptr) {
    count_stray_free(owner, block.requested, block.bytes);
    return;
  }
  charge_free(thread, owner, block.requested, block.bytes);
  drop(thread->record.live_bytes, static_cast<int64_t>(block.requested));
}

void put_away(ThreadState* thread, Span* span, const CheckedBlock& block) {
  CheckedLists* lists = thread == nullptr ? nullptr : checked_lists_of(thread);
  if (is_large(span) && (lists == nullptr || block.bytes > kLargestHeldBytes)) {
    give_large_checked(span);
  } else if (lists == nullptr) {
    const auto base = reinterpret_cast<uintptr_t>(block.base);
    give_to_store({base, base, 1});
  } else {
    put_checked(lists, span, block);
  }
}

}  // namespace

void* allocate_checked(ThreadState* thread, const CheckedRequest& request) {
  OwnerId owner;
  OwnerCounters* counters = counters_for(thread, request.size, request.site, &owner);
  CheckedLists* lists = checked_lists_of(thread);
  if (counters == nullptr || lists == nullptr) {
    return nullptr;
  }
  const Layout layout = layout_of(request.size, request.alignment);
  CheckedBlock block{};
  if (likely(layout.bytes <= heap::kLargestClassBytes &&
             request.alignment <= heap::kSpanPageBytes)) {
    block = take_checked(lists, heap::class_of(layout.bytes));
    if (block.record != nullptr) {
      block = place(block, layout, request);
    }
  } else if (request.size < SIZE_MAX / 2) {
    block = take_large(request);
  }
  if (block.record == nullptr) {
    return nullptr;
  }
  if (settings.redzone_bytes != 0) {
    safety::fill_redzones(block);
  }
  fill_record(block, request, owner, thread);
  block.record->change_state(BlockState::kLive);
  count_allocation(counters, request.size, block.bytes);
  bump(thread->record.live_bytes, static_cast<int64_t>(request.size));
  return block.user();
}

void deallocate_checked(ThreadState* thread, Span* span, void* passed, const Release& release) {
  const CheckedBlock block = find_block(span, reinterpret_cast<uintptr_t>(passed));
  Kind kind;
  if (unlikely(find_fault_of_call(block, passed, &kind))) {
    return refuse(kind, block, passed, release);
  }
  complain_about_call(block, release);
  if (settings.redzone_bytes != 0) {
    check_redzones(block, FoundWhen::kFree);
  }
  if (settings.kmem_debug && block.bytes <= kLargestHeldBytes) {
    safety::seal(block);
  } else {
    block.record->unsealed = 1;
  }
  if (unlikely(!become_freed(block.record))) {
    return refuse(Kind::kDoubleFree, block, passed, release);
  }
  note_release(block.record, release, thread);
  charge(thread, block);
  put_away(thread, span, block);
}

bool is_start_of_checked(const Span* span, const void* passed) {
  const CheckedBlock block = find_block(span, reinterpret_cast<uintptr_t>(passed));
  return block.record != nullptr && block.record->state() == BlockState::kLive &&
         passed == block.user();
}

size_t usable_size_checked(const Span* span, const void* passed) {
  if (!is_start_of_checked(span, passed)) {
    return 0;
  }
  const CheckedBlock block = find_block(span, reinterpret_cast<uintptr_t>(passed));
  return settings.redzone_bytes != 0 ? block.requested : block.bytes - block.front;
}

void retire_checked(ThreadState* thread) {
  if (thread->checked != nullptr) {
    retire_checked_lists(thread->checked);
  }
}

}  // namespace heaptag::allocator
