#include "core/allocator/guarded.h"

#include "core/allocator/bad_free.h"
#include "core/allocator/guard_sampling.h"
#include "core/allocator/guard_watch.h"
#include "core/allocator/peak.h"
#include "core/allocator/small.h"
#include "core/allocator/stray.h"
#include "core/allocator/threads.h"
#include "core/os/clock.h"
#include "core/safety/guard_record.h"

namespace heaptag::allocator {

using safety::Family;
using safety::Finding;
using safety::FoundWhen;
using safety::GuardDamage;
using safety::GuardedBlock;
using safety::GuardPlace;
using safety::GuardRecord;
using safety::Kind;
using safety::record_of;

namespace {

constinit uint64_t too_large = 0;

// What has a slot has an owner that was seen, and not all of whose blocks are guarded.
bool has_slot(const ThreadState* thread, const GuardRequest& request) {
  return request.size <= heap::kLargestClassBytes &&
         thread->active->find(slot_key(request.site, heap::selector_of(request.size))) != nullptr;
}

bool is_first_byte(const GuardedBlock* block, const void* passed) {
  return block != nullptr && is_live(*block) &&
         block->address == reinterpret_cast<uintptr_t>(passed);
}

GuardedBlock* find(const void* passed) {
  return safety::find_guarded(reinterpret_cast<uintptr_t>(passed));
}

void set_block(Finding* finding, const GuardedBlock* block) {
  finding->in_block = block != nullptr;
  finding->guarded = block;
  if (block != nullptr) {
    finding->block.base = reinterpret_cast<char*>(block->address);
    finding->block.bytes = block->size_bytes;
    finding->block.requested = block->size_bytes;
  }
}

Finding call_finding(const GuardedBlock* block,
                     Kind kind,
                     const void* passed,
                     const Release& release) {
  Finding finding = finding_of_call(kind, passed, release);
  set_block(&finding, block);
  return finding;
}

// The call does nothing but to be told of.
void refuse(const GuardedBlock* block, Kind kind, const void* passed, const Release& release) {
  Finding finding = call_finding(block, kind, passed, release);
  finding.refused = true;
  safety::tell(finding);
}

// Is this no pointer that may be freed?
bool find_fault_of_call(const GuardedBlock* block, const void* passed, Kind* kind) {
  if (block == nullptr) {
    *kind = Kind::kInvalidFree;
    return true;
  }
  const auto address = reinterpret_cast<uintptr_t>(passed);
  if (address != block->address) {
    *kind =
        place_of(*block, address) == GuardPlace::kInside ? Kind::kInteriorFree : Kind::kInvalidFree;
    return true;
  }
  *kind = Kind::kDoubleFree;
  return !is_live(*block);
}

void complain_about_call(const GuardedBlock* block, const Release& release) {
  const Family family{record_of(block)->family};
  const auto* passed = reinterpret_cast<const void*>(block->address);
  if (!safety::may_free(family, release.family)) {
    safety::tell(call_finding(block, Kind::kFamilyMismatch, passed, release));
  } else if (release.size != 0 && release.size != block->size_bytes) {
    safety::tell(call_finding(block, Kind::kSizeMismatch, passed, release));
  }
}

// Of several who find the same, one tells.
void complain_about_padding(GuardedBlock* block, FoundWhen when) {
  const GuardDamage damage = safety::first_damage(*block);
  if (likely(damage.size_bytes == 0) ||
      __atomic_exchange_n(&record_of(block)->is_told, uint8_t{1}, __ATOMIC_RELAXED) != 0) {
    return;
  }
  Finding finding =
      finding_about(block, damage.offset < 0 ? Kind::kUnderflow : Kind::kOverflow, when);
  finding.address = block->address + static_cast<uintptr_t>(damage.offset);
  finding.length = damage.size_bytes;
  safety::tell(finding);
}

void note_release(GuardRecord* record, const Release& release, const ThreadState* thread) {
  record->freed_pc = release.pc;
  record->freed_stack = safety::current_stack(safety::settings.guard_stack_depth);
  record->freed_ms = os::short_ms();
  record->freed_thread = thread == nullptr ? 0 : static_cast<uint32_t>(thread->record.id);
}

void charge(ThreadState* thread, OwnerId owner, size_t size) {
  if (thread == nullptr) {
    count_free_without_state(owner, size, size, size);
    return;
  }
  charge_free(thread, owner, size, size);
  drop(thread->record.live_bytes, static_cast<int64_t>(size));
  publish_live(thread);
}

// Of an owner that is new, whose blocks are all guarded, or whose turn it is.
[[gnu::noinline]] void* allocate_if_wanted(const GuardRequest& request, bool is_due) {
  ThreadScope scope;
  ThreadState* thread = scope.thread();
  if (thread == nullptr) {
    return nullptr;
  }
  const BusyScope busy(thread);
  OwnerId owner;
  OwnerCounters* counters = counters_for(thread, request.size, request.site, &owner);
  if (counters == nullptr || !wants_guard(thread, owner, is_due)) {
    return nullptr;
  }
  if (request.size > safety::kMaxGuardedBytes) {
    __atomic_fetch_add(&too_large, uint64_t{1}, __ATOMIC_RELAXED);
    return nullptr;
  }
  if (is_due) {
    restart_guard_countdown(thread);
    if (request.size <= heap::kLargestClassBytes) {
      go_on_sampling(thread, request.site, heap::selector_of(request.size));
    }
  }
  const size_t alignment =
      request.alignment > 1 ? request.alignment : guard_alignment_for(owner, request.size);
  GuardedBlock* block = safety::guard_allocate(request.size, alignment, guard_side_for(owner));
  if (block == nullptr) {
    return nullptr;
  }
  GuardRecord* record = record_of(block);
  record->owner = index_of(owner);
  record->family = static_cast<uint8_t>(request.family);
  record->allocated_thread = static_cast<uint32_t>(thread->record.id);
  record->allocated_ms = os::short_ms();
  record->allocated_stack = safety::current_stack(safety::settings.guard_stack_depth);
  watch_padding(block);
  count_allocation(counters, request.size, request.size);
  bump(thread->record.live_bytes, static_cast<int64_t>(request.size));
  publish_live(thread);
  return reinterpret_cast<void*>(block->address);
}

}  // namespace

void* allocate_guarded(const GuardRequest& request) {
  ThreadState* thread = tls_state;
  bool is_due = false;
  if (likely(thread != &cold_state)) {
    is_due = count_down_guard(thread, 1);
    if (!is_due && has_slot(thread, request)) {
      return nullptr;
    }
  }
  return allocate_if_wanted(request, is_due);
}

void deallocate_guarded(ThreadState* thread, void* passed, const Release& release) {
  GuardedBlock* block = find(passed);
  Kind kind;
  if (unlikely(find_fault_of_call(block, passed, &kind))) {
    return refuse(block, kind, passed, release);
  }
  GuardRecord* record = record_of(block);
  // Of two threads that free it at the same moment, one does.
  if (__atomic_exchange_n(&record->is_released, uint8_t{1}, __ATOMIC_ACQ_REL) != 0) {
    return refuse(block, Kind::kDoubleFree, passed, release);
  }
  unwatch_padding(block);
  complain_about_call(block, release);
  complain_about_padding(block, FoundWhen::kFree);
  note_release(record, release, thread);
  const OwnerId owner{record->owner};
  const size_t size = block->size_bytes;
  safety::guard_free(block);  // from here on it may be another one
  charge(thread, owner, size);
}

bool is_start_of_guarded(const void* passed) {
  return is_first_byte(find(passed), passed);
}

size_t usable_size_guarded(const void* passed) {
  const GuardedBlock* block = find(passed);
  return is_first_byte(block, passed) ? block->size_bytes : 0;
}

void verify_guarded(FoundWhen when) {
  safety::visit_guarded(
      [](GuardedBlock* block, void* context) {
        complain_about_padding(block, *static_cast<FoundWhen*>(context));
      },
      &when);
}

Finding finding_about(const GuardedBlock* block, Kind kind, FoundWhen when) {
  Finding finding;
  finding.kind = kind;
  finding.when = when;
  set_block(&finding, block);
  return finding;
}

Unguarded count_unguarded() {
  return {read_relaxed(too_large), safety::guard_counts().unguarded};
}

uint64_t guarded_live_bytes() {
  uint64_t sum = 0;
  safety::visit_guarded(
      [](GuardedBlock* block, void* context) {
        *static_cast<uint64_t*>(context) += is_live(*block) ? block->size_bytes : 0;
      },
      &sum);
  return sum;
}

}  // namespace heaptag::allocator
