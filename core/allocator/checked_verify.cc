#include "core/allocator/checked_verify.h"

#include "core/allocator/checked_store.h"
#include "core/allocator/deferred.h"
#include "core/safety/block_check.h"
#include "core/safety/settings.h"

namespace heaptag::allocator {

using safety::Damage;
using safety::Finding;
using safety::FoundWhen;
using safety::Kind;

namespace {

// So many at a time: stacks may be small.
constexpr unsigned kMostFound = 16;

bool is_sealed(const BlockRecord* record) {
  return safety::settings.kmem_debug && !record->has(BlockRecord::kUnsealed);
}

Finding finding_of(const CheckedBlock& block, Kind kind, FoundWhen when, const Damage& damage) {
  Finding finding;
  finding.kind = kind;
  finding.when = when;
  finding.in_block = true;
  finding.block = block;
  finding.address =
      reinterpret_cast<uintptr_t>(block.user()) + static_cast<uintptr_t>(damage.offset);
  finding.length = damage.length;
  finding.was = damage.was;
  return finding;
}

Finding changed(const CheckedBlock& block, FoundWhen when) {
  return finding_of(block, Kind::kUseAfterFreeWrite, when, safety::find_change(block));
}

Finding damaged(const CheckedBlock& block, FoundWhen when, const Damage& damage) {
  return finding_of(block, damage.is_before() ? Kind::kUnderflow : Kind::kOverflow, when, damage);
}

// Of two who find the same, one tells.
bool withdraw(BlockRecord* record, uint32_t life) {
  const uint32_t withdrawn = BlockRecord::next_life(life, BlockState::kWithdrawn);
  return __atomic_compare_exchange_n(&record->life, &life, withdrawn, false, __ATOMIC_ACQ_REL,
                                     __ATOMIC_RELAXED);
}

struct Walk {
  FoundWhen when;
  bool caller_panics;
  uint8_t span_flag;  // spans with one of these; 0: all
  Finding found[kMostFound];
  unsigned count;
};

// Whoever uses the block meanwhile changes its life first: what was read in between means nothing
// then.
bool is_same_life(const BlockRecord* record, uint32_t life) {
  __atomic_thread_fence(__ATOMIC_ACQUIRE);
  return __atomic_load_n(&record->life, __ATOMIC_RELAXED) == life;
}

void look_at(Walk* walk, const Span* span, uint32_t index) {
  const uint32_t life = __atomic_load_n(&records_of(span)[index].life, __ATOMIC_ACQUIRE);
  const CheckedBlock block = block_at(span, index);
  const auto state = BlockState{life & BlockRecord::kStateMask};
  if (state == BlockState::kFreed && is_sealed(block.record)) {
    if (!safety::is_intact(block) && is_same_life(block.record, life)) {
      if (withdraw(block.record, life)) {
        // Where it has changed is found later: that may take long.
        walk->found[walk->count++] = finding_of(block, Kind::kUseAfterFreeWrite, walk->when, {});
      }
    }
  } else if (state == BlockState::kLive && safety::settings.redzone_bytes != 0) {
    Damage damage;
    if (!block.record->has(BlockRecord::kTold) && safety::find_redzone_damage(block, &damage) &&
        is_same_life(block.record, life)) {
      block.record->set(BlockRecord::kTold);
      walk->found[walk->count++] = damaged(block, walk->when, damage);
    }
  }
}

void walk_span(void* context, Span* span) {
  auto* walk = static_cast<Walk*>(context);
  if (walk->span_flag != 0 && (span->flags & walk->span_flag) == 0) {
    return;
  }
  for (uint32_t i = 0; i < span->linked && walk->count < kMostFound; ++i) {
    look_at(walk, span, i);
  }
}

void tell_all(const Walk& walk) {
  for (unsigned i = 0; i < walk.count; ++i) {
    Finding finding = walk.found[i];
    if (finding.kind == Kind::kUseAfterFreeWrite) {
      finding = changed(finding.block, walk.when);
    }
    finding.panics = walk.caller_panics;
    safety::tell(finding);
  }
}

unsigned verify_walk(Walk walk) {
  const SpansStay stay;
  unsigned found = 0;
  while (walk.count == kMostFound) {
    walk.count = 0;
    visit_checked_spans(walk_span, &walk);
    tell_all(walk);
    found += walk.count;
  }
  return found;
}

}  // namespace

bool check_freed(const CheckedBlock& block, FoundWhen when, bool caller_panics) {
  const uint32_t life = __atomic_load_n(&block.record->life, __ATOMIC_RELAXED);
  const auto state = BlockState{life & BlockRecord::kStateMask};
  if (state == BlockState::kUnused) {
    return true;
  }
  if (state != BlockState::kFreed) {
    return false;
  }
  if (!is_sealed(block.record) || likely(safety::is_intact(block))) {
    return true;
  }
  Finding finding = changed(block, when);
  finding.panics = caller_panics;
  if (withdraw(block.record, life)) {
    const QuietScope quiet;
    safety::tell(finding);
  }
  return false;
}

void check_redzones(const CheckedBlock& block, FoundWhen when) {
  Damage damage;
  if (unlikely(safety::find_redzone_damage(block, &damage)) &&
      !block.record->has(BlockRecord::kTold)) {
    block.record->set(BlockRecord::kTold);
    const QuietScope quiet;
    safety::tell(damaged(block, when, damage));
  }
}

unsigned verify_span(Span* span, FoundWhen when, bool caller_panics) {
  Walk walk{when, caller_panics, 0, {}, kMostFound};
  unsigned found = 0;
  while (walk.count == kMostFound) {
    walk.count = 0;
    walk_span(&walk, span);
    tell_all(walk);
    found += walk.count;
  }
  return found;
}

void verify_all(FoundWhen when) {
  verify_walk(Walk{when, false, 0, {}, kMostFound});
}

unsigned verify_flagged(uint8_t span_flag, FoundWhen when) {
  return verify_walk(Walk{when, true, span_flag, {}, kMostFound});
}

}  // namespace heaptag::allocator
