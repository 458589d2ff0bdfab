#include "core/allocator/access_check.h"

#include "core/allocator/checked.h"
#include "core/allocator/guarded.h"
#include "core/os/signals.h"
#include "core/os/vm.h"
#include "core/safety/guard_record.h"

namespace heaptag::allocator {

using safety::Finding;
using safety::FoundWhen;
using safety::GuardedBlock;
using safety::GuardState;
using safety::Kind;
using safety::settings;

namespace {

// The bytes that a program may touch.
struct Bounds {
  uintptr_t begin;
  uintptr_t end;
};

// The part before the block, or, when there is none, behind it. False: all is inside.
bool find_outside(const Access& access, const Bounds& bounds, Finding* finding) {
  if (access.begin < bounds.begin) {
    finding->kind = access.is_write ? Kind::kUnderflow : Kind::kUnderflowRead;
    finding->address = access.begin;
    finding->length = (access.end < bounds.begin ? access.end : bounds.begin) - access.begin;
    return true;
  }
  if (access.end > bounds.end) {
    finding->kind = access.is_write ? Kind::kOverflow : Kind::kOverflowRead;
    finding->address = access.begin < bounds.end ? bounds.end : access.begin;
    finding->length = access.end - finding->address;
    return true;
  }
  return false;
}

void tell(Finding* finding, const Access& access) {
  finding->frame = access.entry->caller();
  finding->pc = finding->frame.pc;
  const QuietScope quiet;
  safety::tell(*finding);
}

// Our own reads and writes beside blocks, in slow paths or not, are no errors.
bool is_told_elsewhere(const Access& access) {
  return os::is_own_code(access.entry->caller_pc) || !may_serve();
}

bool is_inside(const Access& access, const Bounds& bounds) {
  return access.begin >= bounds.begin && access.end <= bounds.end;
}

[[gnu::noinline, gnu::cold]] void look_beside(const Access& access, GuardedBlock* found) {
  const GuardedBlock block = *found;
  const uintptr_t pages_end = block.pages_begin + block.page_count * os::kPageBytes;
  Finding finding = finding_about(&block, Kind::kOverflow, FoundWhen::kFault);
  if (block.state != GuardState::kLive ||
      !is_inside(access, {block.pages_begin, pages_end}) ||  // it will fault
      !find_outside(access, {block.address, block.end()}, &finding) || is_told_elsewhere(access)) {
    return;
  }
  if (access.is_write) {
    // What the free will see of it has been told.
    __atomic_store_n(&safety::record_of(found)->is_told, uint8_t{1}, __ATOMIC_RELAXED);
  }
  tell(&finding, access);
}

void check_guarded(const Access& access) {
  GuardedBlock* block = safety::find_guarded(access.begin);
  if (unlikely(block != nullptr && !is_inside(access, {block->address, block->end()}))) {
    look_beside(access, block);
  }
}

Bounds bounds_of(const CheckedBlock& block) {
  const auto begin = reinterpret_cast<uintptr_t>(block.user());
  return {begin,
          begin + (settings.redzone_bytes != 0 ? block.requested : block.bytes - block.front)};
}

bool is_live(const CheckedBlock& block) {
  return block.record != nullptr && block.record->state() == BlockState::kLive;
}

// Whose block is meant: that of the first byte, but when that lies behind it and the last one in
// another block.
CheckedBlock block_of(const Span* span, const Access& access) {
  const CheckedBlock first = find_block(span, access.begin);
  if (likely(is_live(first) && access.begin < bounds_of(first).end)) {
    return first;
  }
  const uintptr_t last_byte = access.end - 1;
  if (last_byte - reinterpret_cast<uintptr_t>(span->base) >= span->size_bytes()) {
    return first;
  }
  const CheckedBlock last = find_block(span, last_byte);
  const bool is_meant = is_live(last) && last_byte >= bounds_of(last).begin &&
                        (first.record == nullptr || first.record->state() != BlockState::kFreed);
  return is_meant ? last : first;
}

[[gnu::noinline, gnu::cold]] void look_in_span(const Access& access, const Span* span) {
  Finding finding;
  finding.when = FoundWhen::kFault;
  finding.in_block = true;
  finding.block = block_of(span, access);
  BlockRecord* record = finding.block.record;
  const BlockState state = record == nullptr ? BlockState::kUnused : record->state();
  if (state == BlockState::kUnused) {
    return;
  }
  if (state != BlockState::kLive) {
    finding.kind = access.is_write ? Kind::kUseAfterFreeWrite : Kind::kUseAfterFreeRead;
    finding.address = access.begin;
    finding.length = access.end - access.begin;
  } else if (!find_outside(access, bounds_of(finding.block), &finding)) {
    return;
  }
  if (is_told_elsewhere(access)) {
    return;
  }
  if (access.is_write) {
    // What is seen of it at the free, or before the block is used again, has been told.
    record->set(state == BlockState::kLive ? BlockRecord::kTold : BlockRecord::kUnsealed);
  }
  tell(&finding, access);
}

void check_in_span(const Access& access, const Span* span) {
  const CheckedBlock block = find_block(span, access.begin);
  if (unlikely(!is_live(block) || !is_inside(access, bounds_of(block)))) {
    look_in_span(access, span);
  }
}

}  // namespace

void check_access(const Access& access) {
  if (safety::is_in_guard_region(access.begin)) {
    return check_guarded(access);
  }
  if (checks_blocks()) {
    const Span* span = heap::find_span(reinterpret_cast<const void*>(access.begin));
    if (is_checked(span)) {
      check_in_span(access, span);
    }
  }
}

}  // namespace heaptag::allocator
