// What one thread owns: the slots that malloc probes, its bins, its counters. When the thread ends,
// the whole state waits for the next one (an *orphan*); it is never taken apart, so its figures
// never move. Layer: core/allocator.  Locks: none on what a thread does to its own state.
#pragma once

#include "core/allocator/bin.h"
#include "core/allocator/deferred.h"
#include "core/allocator/slot.h"
#include "core/base/counter.h"
#include "core/base/types.h"
#include "core/heap/address_map.h"
#include "core/heap/size_class.h"
#include "core/heap/span.h"
#include "core/wire/tables.h"

namespace heaptag::allocator {

/// Tags that a thread may push on top of each other; further ones change nothing.
inline constexpr uint32_t kMaxPushedTags = 64;

struct ThreadState;
struct CheckedLists;

/// Blocks of one other thread that this one has freed, on their way to its inbox: one atomic
/// operation for all of them. They are charged already.
struct Outgoing {
  ThreadState* home;
  FreeBlock* first;  // null: empty
  FreeBlock* last;
  uint32_t count;
  uint32_t bytes;
};

inline constexpr unsigned kOutgoing = 8;

enum class ThreadPhase : uint32_t {
  kRunning = 0,
  kOrphan,  // its thread has ended; whoever holds the registry's lock may work on it
  kFrozen,  // in a forked child: its thread was in the middle of something when the process forked
};

struct alignas(64) ThreadState {
  wire::ThreadRecord record;  // first: a reader outside walks these

  Slot* slots;              // of *active
  uint64_t slot_mask;       //
  int64_t published_bytes;  // of held_bytes()
  int64_t own_held_bytes;   // of own bins: Bin::held_bytes when each was last on a slow path
  uint32_t busy;  // slow paths that it is in: a forked child must not trust the lists (kWaits)
  uint32_t teardown_rounds;  // of pthread destructors seen
  uint32_t own_active;
  uint32_t sample_in;  // metered allocations until the next sample
  uint32_t sample_seed;
  Bin** own;  // open addressing by key
  uint32_t own_mask;
  uint32_t own_count;

  FreeBlock*
      inbox;  // blocks of ours that other threads have freed, linked (any thread, atomically)
  ThreadState* next_orphan;
  ThreadState* previous_orphan;
  // While a signal handler has interrupted a fast path of its, see interruption.h.
  ThreadState* interrupted_before;  // the one that was interrupted before it, in the same thread
  uintptr_t handler_frame;          // an address in the frame that calls the handler
  uint64_t listable_bytes;          // of all bins: what can be handed out unseen
  uint64_t listable_bytes_max;      //
  uint32_t bins_left;               // unused ones of the first chunk
  Outgoing outgoing[kOutgoing];
  SlotTable untagged;     // the first of the list of all tables
  SlotTable* active;      // which one malloc probes
  uint64_t thread_rules;  // tag::thread_rules_of the thread's name
  uintptr_t handle;       // os::thread_handle() of the thread
  uint32_t batch_number;  // which Outgoing of other threads is for it; here, where nobody writes
  uint32_t pushed_tags;
  SlotTable* pushed[kMaxPushedTags];
  CheckedLists* checked;  // when blocks are checked, after the first of them
  // Guarded blocks (guard_policy.h, guard_sampling.h).
  int64_t guard_in;       // allocations until the next one; below 0: that it is late
  int64_t guard_planned;  // what has been added to guard_in: less guard_in, all allocations so far
  int64_t guard_spent;    // of these, those that paid for blocks of new owners
  uint32_t guard_seed;    // 0: guard_in says nothing yet
  uint32_t guard_visits;
  uint32_t guard_cursor;  // in `own`
  Slot set_aside;         // a slot that was emptied, as it was; its table null: none was
  SlotTable* set_aside_of;
  OwnerCounters lost;  // charged to the overflow owner: no memory for a counter of its own

  // Indexed by selector / 2: entry 0 is for requests of 0 bytes, entry 1 and up for the classes.
  Bin* metered[heap::kClassCount + 1];

  /// What the peak is sought by: never less than what is live and was asked for, but for what lists
  /// have handed out meanwhile.
  int64_t held_bytes() const { return record.live_bytes + own_held_bytes; }

  Slot* slot_of(uint64_t key) const { return place_in(slots, slot_mask, key); }

  OwnerCounters** counter_chunks() const {
    return reinterpret_cast<OwnerCounters**>(record.counters);
  }

  /// Null when this thread has none yet for the owner.
  OwnerCounters* find_counters(OwnerId owner) const {
    const uint32_t chunk = index_of(owner) / wire::kOwnersPerChunk;
    if (chunk >= record.counters_chunks || counter_chunks()[chunk] == nullptr) {
      return nullptr;
    }
    return known_counters(owner);
  }

  /// Counters that exist because this thread has allocated for the owner before.
  OwnerCounters* known_counters(OwnerId owner) const {
    const uint32_t index = index_of(owner);
    return counter_chunks()[index / wire::kOwnersPerChunk] + index % wire::kOwnersPerChunk;
  }
};

static_assert(offsetof(ThreadState, record) == 0);

/// All bins that the thread has ever had, for whoever reads.
inline const BinChunk* first_bins(const ThreadState* thread) {
  return reinterpret_cast<const BinChunk*>(__atomic_load_n(&thread->record.bins, __ATOMIC_ACQUIRE));
}

/// The calling thread's state; before its first allocation (and after its last) a state whose only
/// slot matches nothing, so that the fast path needs no test.
extern __thread ThreadState* tls_state __attribute__((tls_model("initial-exec")));
extern constinit ThreadState cold_state;

/// The bin of nobody: its list is always empty.
extern constinit Bin no_bin;

/// Counters of `owner` in this thread, made on first use; `lost` when there is no memory. Never
/// null.
OwnerCounters* counters_of(ThreadState* thread, OwnerId owner);

// The rounding comes first and goes last: whoever interrupts or reads meanwhile never finds more
// requested than usable bytes.
inline void count_allocation(OwnerCounters* counters, size_t requested, size_t usable) {
  bump(counters->allocations);
  bump(counters->allocated_usable, usable);
  bump(counters->allocated_bytes, requested);
}

inline void count_free(OwnerCounters* counters, size_t requested, size_t usable) {
  bump(counters->frees);
  bump(counters->freed_bytes, requested);
  bump(counters->freed_usable, usable);
}

/// While in scope, a forked child would find this state in the middle of something. What has been
/// asked for meanwhile is done when the outermost scope ends.
class BusyScope {
 public:
  explicit BusyScope(ThreadState* thread) : thread_(thread) { enter_slow_path(thread_->busy); }

  ~BusyScope() {
    leave_slow_path(thread_->busy);
    serve_if_waiting();
  }

  BusyScope(const BusyScope&) = delete;
  BusyScope& operator=(const BusyScope&) = delete;

 private:
  ThreadState* thread_;
};

}  // namespace heaptag::allocator
