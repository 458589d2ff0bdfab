#include "core/allocator/checked.h"

#include "core/allocator/bad_free.h"
#include "core/allocator/blame.h"
#include "core/allocator/checked_lists.h"
#include "core/allocator/checked_store.h"
#include "core/allocator/checked_verify.h"
#include "core/allocator/peak.h"
#include "core/allocator/slow_path.h"
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

struct CheckedRequest {
  size_t size;
  size_t alignment;
  uintptr_t site;
  Family family;
};

// Freed blocks beyond this are not held back: they are too large to be summed up and to wait.
constexpr size_t kLargestHeldBytes = 16 * kMiB;

// Where a request lies in its block: what is needed in all, and the least that comes before it.
struct Layout {
  size_t front;
  size_t bytes;
};

Layout layout_of(size_t size, size_t alignment) {
  const size_t front = safety::front_bytes();
  // Blocks begin at a multiple of 16: the rest of the alignment is found in the block.
  return {front, front + (alignment - kMinAlignment) + size + settings.redzone_bytes};
}

size_t front_in(const char* block, const Layout& layout, size_t alignment) {
  const auto base = reinterpret_cast<uintptr_t>(block);
  return align_up(base + layout.front, alignment) - base;
}

// What every checked block of the caller's is from here on.
void* hand_out(ThreadState* thread,
               const CheckedBlock& block,
               Family family,
               OwnerId owner,
               OwnerCounters* counters,
               safety::StackId stack) {
  BlockRecord* record = block.record;
  // Before anything else: whoever verifies meanwhile, in a forked child perhaps, looks away.
  record->change_state(BlockState::kChanging);
  __atomic_signal_fence(__ATOMIC_SEQ_CST);
  if (settings.redzone_bytes != 0) {
    safety::fill_redzones(block);
  }
  record->owner = index_of(owner);
  record->requested = static_cast<uint32_t>(block.requested);
  record->set_allocation(block.base, block.front, family);
  record->link = BlockRecord::with_thread(0, thread->record.id);
  record->allocated_ms = thread->checked->now_ms;
  record->allocated_stack = stack;
  record->change_state(BlockState::kLive);
  count_allocation(counters, block.requested, block.bytes);
  bump(thread->record.live_bytes, static_cast<int64_t>(block.requested));
  return block.user();
}

// A block off the lists that may be handed out: checked, and others withdrawn.
CheckedBlock take_checked(CheckedLists* lists, unsigned size_class) {
  CheckedQueue* queue = &lists->sizes[size_class];
  for (;;) {
    BlockRecord* record =
        pop_checked(lists, queue, [](const BlockRecord* /*next*/) { return true; });
    if (record == nullptr) {
      if (!fetch_checked(queue, size_class)) {
        return {};
      }
    } else {
      const CheckedBlock block = listed_block(record);
      if (check_freed(block, FoundWhen::kReuse)) {
        return block;
      }
    }
  }
}

CheckedBlock take_large(const CheckedRequest& request) {
  const bool is_aligned_beyond = request.alignment > heap::kSpanPageBytes;
  const size_t redzone = settings.redzone_bytes;
  const size_t front = redzone == 0 ? 0 : align_up(redzone, request.alignment);
  const size_t pages =
      (front + request.size + redzone + heap::kSpanPageBytes - 1) / heap::kSpanPageBytes;
  if (!is_aligned_beyond) {
    Span* span = reuse_large_checked(static_cast<uint32_t>(pages));
    if (span != nullptr) {
      span->requested_large = request.size;
      span->inverse = static_cast<uint32_t>(front);
      span->flags &= static_cast<uint8_t>(~(heap::kFlagZeroed | heap::kZoneFlags));
      return block_at(span, 0);
    }
  }
  Span* span = take_large_checked(
      front + request.size + redzone, request.size,
      is_aligned_beyond ? static_cast<uint32_t>(request.alignment / heap::kSpanPageBytes) : 1,
      front);
  return span == nullptr ? CheckedBlock{} : block_at(span, 0);
}

CheckedBlock take_block(CheckedLists* lists, const CheckedRequest& request) {
  constexpr size_t kLargest = size_t{1} << 42;  // sums of these do not overflow
  if (request.size > kLargest || request.alignment > kLargest) {
    return {};
  }
  const Layout layout = layout_of(request.size, request.alignment);
  if (layout.bytes > heap::kLargestClassBytes || request.alignment > heap::kSpanPageBytes) {
    return take_large(request);
  }
  CheckedBlock block = take_checked(lists, heap::class_of(layout.bytes));
  if (block.record != nullptr) {
    block.front = front_in(block.base, layout, request.alignment);
    block.requested = request.size;
  }
  return block;
}

void* allocate_request(const CheckedRequest& request) {
  return allocate_in_slow_path(request.size, request.site, [&](ThreadState* thread) -> void* {
    OwnerId owner;
    OwnerCounters* counters = counters_for(thread, request.size, request.site, &owner);
    CheckedLists* lists = checked_lists_of(thread);
    const CheckedBlock block =
        counters == nullptr || lists == nullptr ? CheckedBlock{} : take_block(lists, request);
    return block.record == nullptr ? nullptr
                                   : hand_out(thread, block, request.family, owner, counters,
                                              safety::current_stack(settings.stack_depth));
  });
}

// The call does nothing but to be told of.
[[gnu::noinline]] void refuse(Kind kind,
                              const CheckedBlock& block,
                              const void* passed,
                              const Release& release) {
  Finding finding = finding_of_call(kind, passed, release);
  finding.in_block = block.record != nullptr && block.record->state() != BlockState::kUnused;
  finding.block = block;
  finding.refused = true;
  safety::tell(finding);
}

[[gnu::noinline]] void complain_about_call(const CheckedBlock& block, const Release& release) {
  Finding finding = finding_of_call(Kind::kSizeMismatch, block.user(), release);
  finding.in_block = true;
  finding.block = block;
  if (!safety::may_free(block.record->family(), release.family)) {
    finding.kind = Kind::kFamilyMismatch;
  }
  safety::tell(finding);
}

// A block of OSMalloc's or MALLOC's, which has its own ways back.
void refuse_zone_block(void* passed, const Span* span, const Release& release) {
  const QuietScope quiet;
  Finding finding = finding_of_call(Kind::kFamilyMismatch, passed, release);
  finding.block = find_block(span, reinterpret_cast<uintptr_t>(passed));
  finding.in_block =
      finding.block.record != nullptr && finding.block.record->state() != BlockState::kUnused;
  finding.allocated_as =
      (span->flags & heap::kFlagOsmalloc) != 0 ? Family::kOsmalloc : Family::kMtype;
  finding.refused = true;
  safety::tell(finding);
}

// Of two threads that free it at the same moment, one does.
bool become_freed(BlockRecord* record) {
  const uint32_t life = read_relaxed(record->life);
  return BlockRecord::state_in(life) == BlockState::kLive && record->become_freed(life);
}

// Is this no pointer that may be freed?
bool is_wrong(const CheckedBlock& block, const void* passed, Kind* kind) {
  const BlockState state = block.record == nullptr ? BlockState::kUnused : block.record->state();
  if (likely(state == BlockState::kLive)) {
    *kind = Kind::kInteriorFree;
    return passed != block.user();
  }
  *kind = state == BlockState::kUnused ? Kind::kInvalidFree : Kind::kDoubleFree;
  return true;
}

void seal_freed(const CheckedBlock& block) {
  if (settings.kmem_debug && block.bytes <= kLargestHeldBytes) {
    safety::seal(block);
  } else {
    block.record->set(BlockRecord::kUnsealed);
  }
}

void note_release(BlockRecord* record, uintptr_t pc, safety::StackId stack, ThreadState* thread) {
  record->freed_stack = stack;
  record->release = BlockRecord::with_thread(pc, thread == nullptr ? 0 : thread->record.id);
  if (thread != nullptr && thread->checked != nullptr) {
    record->freed_ms = thread->checked->now_ms;
    record->freed_count = ++thread->checked->frees;
  }
}

void put_away(CheckedLists* lists, Span* span, const CheckedBlock& block) {
  if (is_large(span)) {
    return block.bytes > kLargestHeldBytes ? give_large_checked(span)
                                           : put_large_checked(block.record);
  }
  if (lists == nullptr) {
    block.record->set_next(nullptr);
    return give_to_store(block.record);
  }
  CheckedQueue* queue = &lists->sizes[span->size_class];
  push_checked(lists, queue, block.record, block.bytes);
  if (is_maintenance_due(lists)) {
    look_around(lists);
  }
  if (is_too_long(queue)) {
    shorten(lists, queue);
  }
}

// All that can be wrong with a call, and what the block says. Returns false when it was refused.
bool accept(const CheckedBlock& block, const void* passed, const Release& release) {
  Kind kind;
  if (unlikely(is_wrong(block, passed, &kind))) {
    refuse(kind, block, passed, release);
    return false;
  }
  if (unlikely(!safety::may_free(block.record->family(), release.family) ||
               (release.size != 0 && release.size != block.requested))) {
    complain_about_call(block, release);
  }
  if (settings.redzone_bytes != 0) {
    check_redzones(block, FoundWhen::kFree);
  }
  seal_freed(block);
  if (unlikely(!become_freed(block.record))) {
    refuse(Kind::kDoubleFree, block, passed, release);
    return false;
  }
  return true;
}

}  // namespace

void* allocate_with_care(size_t size, uintptr_t site, Family family) {
  return allocate_request({size, kMinAlignment, site, family});
}

void* allocate_checked_aligned(size_t alignment, size_t size, uintptr_t site, Family family) {
  if (alignment > kMinAlignment || size > heap::kLargestClassBytes) {
    return allocate_request(
        {size, alignment < kMinAlignment ? kMinAlignment : alignment, site, family});
  }
  const uint64_t key = slot_key(site, heap::selector_of(size));
  return allocate_checked(size, site, family, tls_state->active->find(key));
}

void deallocate_with_care(void* passed, Span* span, uintptr_t pc, Family family, size_t size) {
  const Release release{pc, family, size};
  if (unlikely((span->flags & heap::kZoneFlags) != 0)) {
    return refuse_zone_block(passed, span, release);
  }
  ThreadScope scope;
  ThreadState* thread = scope.thread();
  const QuietScope quiet;
  const CheckedBlock block = find_block(span, reinterpret_cast<uintptr_t>(passed));
  if (!accept(block, passed, release)) {
    return;
  }
  CheckedLists* lists = thread == nullptr ? nullptr : checked_lists_of(thread);
  note_release(block.record, release.pc, safety::current_stack(settings.stack_depth), thread);
  const OwnerId owner{block.record->owner};
  if (thread == nullptr) {
    count_free_without_state(owner, block.requested, block.bytes, block.requested);
  } else {
    charge_free(thread, owner, block.requested, block.bytes);
    drop(thread->record.live_bytes, static_cast<int64_t>(block.requested));
    publish_live(thread);
  }
  put_away(lists, span, block);
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
