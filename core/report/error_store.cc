#include "core/report/error_store.h"

#include <cstring>

#include "core/allocator/checked_lists.h"
#include "core/allocator/checked_span.h"
#include "core/allocator/threads.h"
#include "core/meta/meta_allocator.h"
#include "core/os/clock.h"
#include "core/os/process.h"
#include "core/os/signals.h"
#include "core/os/thread_hooks.h"
#include "core/safety/block_check.h"
#include "core/safety/guard_record.h"
#include "core/safety/settings.h"
#include "core/safety/stacks.h"
#include "core/stack/capture.h"
#include "core/tag/modules.h"
#include "core/tag/owners.h"

namespace heaptag::report {

using safety::BlockRecord;
using safety::BlockState;
using safety::CheckedBlock;
using safety::Finding;
using safety::FoundWhen;
using safety::Kind;

namespace {

constexpr unsigned kMaxErrors = 256;

struct Store {
  KeptError* errors;
  unsigned count;
  unsigned capacity;
};

constinit Store store{};

KeptFrame keep_frame(uintptr_t pc) {
  const ModuleId module = tag::module_of(pc);
  if (module == ModuleId::kNone) {
    return {0, pc - 1};
  }
  return {index_of(module), pc - 1 - tag::modules()[index_of(module)].base};
}

void keep_frames(std::span<const uintptr_t> pcs, KeptEvent* event) {
  for (const uintptr_t pc : pcs) {
    if (event->frame_count == kMaxFrames) {
      break;
    }
    event->frames[event->frame_count++] = keep_frame(pc);
  }
}

// Not its return address alone: the owner's module may be gone.
void keep_owner_frame(uint32_t owner, KeptEvent* event) {
  const wire::OwnerRecord& record = tag::owners()[owner];
  if (owner != 0 && OwnerId{owner} != tag::kOverflowOwner) {
    event->frames[event->frame_count++] = {record.module, record.offset};
  }
}

// Times are noted now and then: a moment that seems to lie ahead is now.
uint64_t age_of(uint32_t then_ms) {
  const auto age = static_cast<int32_t>(os::short_ms() - then_ms);
  return age < 0 ? 0 : static_cast<uint64_t>(age);
}

const allocator::ThreadState* thread_numbered(uint32_t number) {
  const allocator::ThreadState* thread = allocator::first_thread();
  while (thread != nullptr && (thread->record.id & UINT16_MAX) != number) {
    thread = reinterpret_cast<const allocator::ThreadState*>(thread->record.next);
  }
  return thread;
}

void keep_time(uint32_t thread, uint32_t then_ms, KeptEvent* event) {
  event->thread = thread;
  event->age_ms = age_of(then_ms);
  event->age_known = true;
}

void keep_allocation(uint32_t owner, safety::StackId stack, KeptError* error) {
  error->owner = owner;
  if (stack != 0) {
    keep_frames(safety::stack_of(stack), &error->allocated);
  } else {
    keep_owner_frame(owner, &error->allocated);
  }
}

void keep_free(safety::StackId stack, uintptr_t pc, KeptError* error) {
  if (stack != 0) {
    keep_frames(safety::stack_of(stack), &error->freed);
  } else if (pc != 0) {
    keep_frames({&pc, 1}, &error->freed);
  }
}

void keep_events(const BlockRecord& record, KeptError* error) {
  error->allocated_as = record.family();
  keep_allocation(record.owner, record.allocated_stack, error);
  keep_time(record.allocated_thread(), record.allocated_ms, &error->allocated);
  if (error->state == BlockState::kLive) {
    return;
  }
  keep_free(record.freed_stack, record.freed_pc(), error);
  keep_time(record.freed_thread(), record.freed_ms, &error->freed);
  const allocator::ThreadState* thread = thread_numbered(record.freed_thread());
  if (thread != nullptr && thread->checked != nullptr) {
    error->frees_ago = read_relaxed(thread->checked->frees) - record.freed_count;
    error->frees_ago_known = true;
  }
}

void copy_bytes(const char* from, size_t count, size_t most, KeptBytes* to) {
  to->count = static_cast<unsigned>(count < most ? count : most);
  std::memcpy(to->bytes, from, to->count);
}

uint8_t expected_byte(const Finding& finding, unsigned index) {
  const CheckedBlock& block = finding.block;
  if (finding.kind != Kind::kUseAfterFreeWrite) {
    return safety::redzone_byte(finding.address + index);
  }
  const size_t at = finding.address - reinterpret_cast<uintptr_t>(block.base) + index;
  return block.kept != nullptr ? block.kept[at] : finding.was;
}

// What is in the block from the first bad byte on, what was there before, and what lies around.
void keep_bytes(const Finding& finding, KeptError* error) {
  const CheckedBlock& block = finding.block;
  const auto* base = block.base;
  const char* end = base + block.bytes;
  const auto* first = reinterpret_cast<const char*>(finding.address);
  // What is caught in the act has not been done yet.
  if (finding.length == 0 || finding.when == FoundWhen::kFault || first < base || first >= end) {
    return;
  }
  copy_bytes(first, finding.length, kShownBytes, &error->found);
  const auto before = static_cast<size_t>(first - base);
  const size_t shown_before = before < kAroundBytes ? before : kAroundBytes;
  copy_bytes(first - shown_before, shown_before, kAroundBytes, &error->before);
  const char* behind = first + finding.length;
  if (behind < end) {
    copy_bytes(behind, static_cast<size_t>(end - behind), kAroundBytes, &error->after);
  }
  error->expected.count = error->found.count;
  for (unsigned i = 0; i < error->expected.count; ++i) {
    error->expected.bytes[i] = expected_byte(finding, i);
  }
}

bool is_whole(const CheckedBlock& block, BlockState state) {
  safety::Damage damage;
  if (state == BlockState::kFreed) {
    return block.record->has(BlockRecord::kUnsealed) || !safety::settings.kmem_debug ||
           safety::is_intact(block);
  }
  return state != BlockState::kLive || safety::settings.redzone_bytes == 0 ||
         !safety::find_redzone_damage(block, &damage);
}

void keep_neighbours(const CheckedBlock& block, KeptError* error) {
  const auto* span = heap::find_span(block.base);
  if (!allocator::is_checked(span) || allocator::is_large(span)) {
    return;
  }
  const uint32_t index = span->index_of_block(block.base);
  for (const int64_t step : {int64_t{-1}, int64_t{1}}) {
    const int64_t at = int64_t{index} + step;
    if (at < 0 || at >= int64_t{span->capacity}) {
      continue;
    }
    const CheckedBlock other = allocator::block_at(span, static_cast<uint32_t>(at));
    const BlockState state = other.record->state();
    const bool is_used = state != BlockState::kUnused;
    error->neighbours[error->neighbour_count++] = {
        (is_used ? other.user() : other.base + block.front) - block.user(),
        is_used ? other.requested : 0, is_used ? other.record->owner : 0, state,
        is_whole(other, state)};
  }
}

// Where the program is now: the call that has met it, or the instruction that has done it.
void keep_detection(const Finding& finding, KeptError* error) {
  uintptr_t pcs[kMaxFrames];
  unsigned count = 0;
  if (finding.when != FoundWhen::kExit) {
    count = stack::capture(finding.frame, os::is_own_code, kMaxFrames, pcs);
  }
  if (count == 0 && finding.pc != 0) {
    pcs[count++] = finding.pc;
  }
  keep_frames({pcs, count}, &error->detected);
  error->detected.thread = allocator::tls_state->record.id;
}

// Of what lies around a guarded block. It may have died meanwhile.
void keep_padding(const Finding& finding, KeptError* error) {
  const uintptr_t first = finding.address;
  const size_t most = finding.length < kShownBytes ? finding.length : kShownBytes;
  error->found.count = static_cast<unsigned>(
      safety::copy_guarded(*finding.guarded, first, most, error->found.bytes));
  error->expected.count = error->found.count;
  for (unsigned i = 0; i < error->expected.count; ++i) {
    error->expected.bytes[i] = safety::padding_byte(first + i);
  }
  error->after.count = static_cast<unsigned>(safety::copy_guarded(
      *finding.guarded, first + finding.length, kAroundBytes, error->after.bytes));
  const uintptr_t begin = finding.guarded->pages_begin;
  const size_t before = first - begin < kAroundBytes ? first - begin : kAroundBytes;
  error->before.count = static_cast<unsigned>(
      safety::copy_guarded(*finding.guarded, first - before, before, error->before.bytes));
}

void keep_guarded(const Finding& finding, KeptError* error) {
  const safety::GuardRecord& record = *safety::record_of(finding.guarded);
  const bool is_freed = finding.guarded->state == safety::GuardState::kFreed;
  error->has_record = true;
  error->state = is_freed ? BlockState::kFreed : BlockState::kLive;
  error->allocated_as = safety::Family{record.family};
  keep_allocation(record.owner, record.allocated_stack, error);
  keep_time(record.allocated_thread, record.allocated_ms, &error->allocated);
  if (is_freed) {
    keep_free(record.freed_stack, record.freed_pc, error);
    keep_time(record.freed_thread, record.freed_ms, &error->freed);
  } else if (finding.length != 0 && finding.when != FoundWhen::kFault) {
    keep_padding(finding, error);
  }
}

void fill(const Finding& finding, KeptError* error) {
  error->kind = finding.kind;
  error->when = finding.when;
  error->address = finding.address;
  error->length = finding.length;
  error->freed_as = finding.freed_as;
  error->freed_size = finding.freed_size;
  error->refused = finding.refused;
  error->panics = finding.panics;
  error->in_block = finding.in_block;
  keep_detection(finding, error);
  if (!finding.in_block) {
    return;
  }
  error->block = reinterpret_cast<uintptr_t>(finding.block.user());
  error->size = finding.block.requested;
  if (finding.guarded != nullptr) {
    return keep_guarded(finding, error);
  }
  const BlockRecord* record = finding.block.record;
  if (record == nullptr) {
    return;
  }
  error->has_record = true;
  error->state = record->state();
  error->withdrawn = error->state == BlockState::kWithdrawn;
  if (error->withdrawn) {
    error->state = BlockState::kFreed;
  }
  keep_events(*record, error);
  if (finding.allocated_as != safety::Family::kAny) {
    error->allocated_as = finding.allocated_as;
  }
  keep_bytes(finding, error);
  keep_neighbours(finding.block, error);
}

// Two errors are the same when who made them is the same, as far as that is known: the freer, the
// allocator, or the call.
uint64_t key_of(const KeptError& error) {
  const KeptEvent* event = &error.detected;
  switch (error.kind) {
    case Kind::kUseAfterFreeWrite:
      event = error.when == FoundWhen::kFault ? event : &error.freed;
      break;
    case Kind::kOverflow:
    case Kind::kUnderflow:
      event = error.when == FoundWhen::kFault ? event : &error.allocated;
      break;
    default:
      break;
  }
  constexpr uint64_t kFactor = 0x9E3779B97F4A7C15U;
  uint64_t key = static_cast<uint64_t>(error.kind) + 1;
  key = (key ^ error.owner) * kFactor;
  if (event->frame_count != 0) {
    key = (key ^ event->frames[0].module) * kFactor;
    key = (key ^ event->frames[0].offset) * kFactor;
  }
  if (error.when == FoundWhen::kFault && event->frame_count > 1) {
    key = (key ^ event->frames[1].offset) * kFactor;  // the first may be memcpy
  }
  return key;
}

constinit KeptError only{};    // where there is no memory for more
constinit KeptError latest{};  // under the lock; stacks may be small

}  // namespace

void prepare_error_store() {
  if (store.errors != nullptr) {
    return;
  }
  store.errors = static_cast<KeptError*>(meta::allocate(kMaxErrors * sizeof(KeptError)));
  store.capacity = kMaxErrors;
  if (store.errors == nullptr) {
    store.errors = &only;
    store.capacity = 1;
  }
}

KeptError* keep_error(const Finding& finding, bool* is_new) {
  *is_new = false;
  prepare_error_store();
  latest = KeptError{};
  fill(finding, &latest);
  latest.key = key_of(latest);
  for (unsigned i = 0; i < store.count; ++i) {
    if (store.errors[i].key == latest.key) {
      ++store.errors[i].count;
      return &store.errors[i];
    }
  }
  if (store.count == store.capacity) {
    return nullptr;
  }
  *is_new = true;
  KeptError* error = &store.errors[store.count];
  *error = latest;
  error->count = 1;
  __atomic_store_n(&store.count, store.count + 1, __ATOMIC_RELEASE);
  return error;
}

const KeptError* kept_errors() {
  return store.errors;
}

unsigned kept_error_count() {
  return __atomic_load_n(&store.count, __ATOMIC_ACQUIRE);
}

void forget_errors() {
  store.count = 0;
}

}  // namespace heaptag::report
