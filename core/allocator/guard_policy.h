// Which allocations get a guarded block (HEAPTAG_GUARD): the first of each owner, then one in so
// many; or all, or all of some owners: those with a name, and those whose memory was found to be
// corrupted. Layer: core/allocator.  Locks: none.
#pragma once

#include "core/allocator/thread_state.h"
#include "core/safety/guard_region.h"
#include "core/safety/settings.h"

namespace heaptag::allocator {

struct GuardPlan {
  uint32_t every = 0;    // one allocation in so many; 1: all; 0: those of some owners only
  bool aligned = false;  // to 16 bytes, whatever the size says
  /// All of an owner? Asked once for each, in a slow path. Null: no.
  bool (*is_named)(uint32_t owner) = nullptr;
};

/// Does any allocation get one?
inline bool guards_blocks() {
  return unlikely(read_operand(safety::settings.guards));
}

/// From here on allocations are guarded as the plan says. False without memory, or when somebody
/// has begun already. Pre: the thread holds no lock.
bool start_guards(const GuardPlan& plan);

/// Every later block of the owner is guarded, whatever the plan says; starts guards if need be.
/// Pre: the thread holds no lock.
void guard_all_of(OwnerId owner);

/// Every block of the owner: then no slot may speak for it, so that every call is seen.
bool is_always_guarded(OwnerId owner);

/// The countdown is over: does that mean anything?
bool is_guard_due(ThreadState* thread);

/// So many allocations of the thread have been: is it time for a guarded one?
inline bool count_down_guard(ThreadState* thread, uint32_t allocations) {
  thread->guard_in -= allocations;
  return unlikely(thread->guard_in <= 0) && is_guard_due(thread);
}

/// It is time: is it this owner's turn? New ones come first, for a while.
bool is_turn_of(const ThreadState* thread, OwnerId owner);

/// One block of the owner: shall it be guarded? `is_due`: as count_down_guard said.
bool wants_guard(ThreadState* thread, OwnerId owner, bool is_due);

/// It was, or could not be: the next one by chance.
void restart_guard_countdown(ThreadState* thread);

/// What the owner's block of so many bytes is aligned to when nothing else was asked for: as the
/// size says, if all of its blocks are guarded; to 16 bytes if some are, or where that was asked
/// for or is relied on.
size_t guard_alignment_for(OwnerId owner, size_t size);

/// Where the owner's next block touches the untouchable.
safety::GuardSide guard_side_for(OwnerId owner);

// What is decided, without what it depends on, for tests.

/// The allocations to the next guarded one: 1 to 2 * every - 1, `every` on average.
uint32_t next_guard_in(uint32_t every, uint32_t* seed);

/// The side of an owner's n-th block when all are guarded. Most errors lie behind a block; one
/// block in four watches the other side, the first one does not.
safety::GuardSide guard_side_at(uint32_t number);

}  // namespace heaptag::allocator
