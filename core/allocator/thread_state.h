// What one thread owns: the slots that malloc probes, its bins, its counters. When the thread ends,
// the whole state waits for the next one (an *orphan*); it is never taken apart, so its figures
// never move. Layer: core/allocator.  Locks: none on what a thread does to its own state.
#pragma once

#include "core/allocator/deferred.h"
#include "core/base/counter.h"
#include "core/base/types.h"
#include "core/heap/address_map.h"
#include "core/heap/size_class.h"
#include "core/heap/span.h"
#include "core/wire/tables.h"

namespace heaptag::allocator {

using heap::Span;
using wire::OwnerCounters;

/// All spans of one thread for one (call site, requested size): *uniform*; for one (call site,
/// selector): *varied*; for one size class, whoever asks: *metered*. The first two are *own* bins.
struct alignas(64) Bin {
  Span* current;  // where blocks come from; the span of nobody when there is none
  Span* partial;  // queue of spans with free blocks, linked by next/prev: those that wait longest,
                  // and
  Span* partial_tail;  // have most to give, come first
  Span* spare;    // one empty span kept so that a bin at the brink does not visit the page heap
  uint64_t key;   // uniform_key, varied_key; 0: metered
  OwnerId owner;  // of an own bin
  uint32_t requested_bytes;  // of its spans
  uint32_t span_count;
  uint8_t size_class;
  uint8_t selector;  // own: of the slot that may point to it
  bool active;       // own: allocations of its key come here
};

/// One entry of the direct-mapped table that malloc probes with (call site, size class and
/// exactness). One requested size of the pair may have spans of its own, the other sizes together
/// may have, and what has not shares metered spans.
struct Slot {
  uint64_t key;        // kNoKey: empty
  Span* uniform_span;  // of uniform_size

  union {
    OwnerCounters* counters;  // metered: of the owner, in this thread
    Span* varied_span;        // when is_varied
  };

  uint32_t owner : 21;
  uint32_t is_varied : 1;
  // What the samples of metered allocations say. The majority candidate's lead goes up when it is
  // seen, down when another size is. Source: Boyer and Moore 1981.
  uint32_t lead : 4;
  uint32_t samples : 6;
  uint16_t candidate;
  uint16_t uniform_size;  // kNoSize: none

  static constexpr uint64_t kNoKey = ~uint64_t{0};
  static constexpr uint16_t kNoSize = 0xffff;
};

static_assert(sizeof(Slot) == 32);

/// Sites are below 2^47 in user space, selectors need 8 bits: keys are exact.
inline uint64_t slot_key(uintptr_t site, unsigned selector) {
  return site | uint64_t{selector} << 47;
}

/// Own bins go by the owner, of which there is a new one when a module takes the place of another.
inline uint64_t uniform_key(OwnerId owner, size_t requested_size) {
  return index_of(owner) | uint64_t{requested_size} << 32;
}

inline uint64_t varied_key(OwnerId owner, unsigned selector) {
  return index_of(owner) | uint64_t{selector} << 32 | uint64_t{1} << 63;
}

inline uintptr_t site_of_key(uint64_t key) {
  return key & ((uint64_t{1} << 47) - 1);
}

/// Well mixed in its lower 32 bits. The rotation brings what differs between the keys of one site
/// down: a multiplication carries nothing downwards.
inline uint64_t hash_key(uint64_t key) {
  return (((key >> 47) | (key << 17)) * 0x9E3779B97F4A7C15U) >> 32;
}

/// The table that malloc probes while one tag is pushed, or none.
struct SlotTable {
  Slot* slots;
  uint64_t slot_mask;  // (number of slots - 1) * sizeof(Slot)
  uint32_t evictions;  // slots that another key took, since the table last grew
  TagId tag;
  SlotTable* next;

  Slot* slot_of(uint64_t key) const {
    return reinterpret_cast<Slot*>(reinterpret_cast<char*>(slots) + (hash_key(key) & slot_mask));
  }
};

/// Tags that a thread may push on top of each other; further ones change nothing.
inline constexpr uint32_t kMaxPushedTags = 64;

struct ThreadState;

/// Blocks of one other thread that this one has freed, on their way to its inbox: one atomic
/// operation for all of them. They are charged already.
struct Outgoing {
  ThreadState* home;  // null: empty
  void* first;
  void* last;
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

  Slot* slots;         // of *active
  uint64_t slot_mask;  //
  uint64_t published_live_bytes;
  uint32_t busy;  // slow paths that it is in: a forked child must not trust the lists (kWaits)
  uint32_t teardown_rounds;  // of pthread destructors seen
  uint32_t own_active;
  uint32_t sample_in;  // metered allocations until the next sample
  uint32_t sample_seed;
  Bin** own;  // open addressing by key
  uint32_t own_mask;
  uint32_t own_count;

  void* inbox;  // blocks of ours that other threads have freed, linked (any thread, atomically)
  ThreadState* next_orphan;
  // While a signal handler has interrupted a fast path of its, see interruption.h.
  ThreadState* interrupted_before;  // the one that was interrupted before it, in the same thread
  uintptr_t handler_frame;          // an address in the frame that calls the handler
  uint64_t current_span_bytes;      // of all current spans: what can be handed out unseen
  uint64_t current_span_bytes_max;  //
  Outgoing outgoing[kOutgoing];
  SlotTable untagged;     // the first of the list of all tables
  SlotTable* active;      // which one malloc probes
  uint64_t thread_rules;  // tag::thread_rules_of the thread's name
  uintptr_t handle;       // os::thread_handle() of the thread
  uint32_t pushed_tags;
  SlotTable* pushed[kMaxPushedTags];
  OwnerCounters lost;  // charged to the overflow owner: no memory for a counter of its own

  // Current spans of the bins below. Indexed by selector / 2: entry 0 is for requests of 0 bytes,
  // entry 1 and up for the classes.
  Span* metered_current[heap::kClassCount + 1];
  Bin* metered[heap::kClassCount];

  Slot* slot_of(uint64_t key) const {
    return reinterpret_cast<Slot*>(reinterpret_cast<char*>(slots) + (hash_key(key) & slot_mask));
  }

  OwnerCounters** counter_chunks() const {
    return reinterpret_cast<OwnerCounters**>(record.counters);
  }

  /// Counters that exist because this thread has allocated for the owner before.
  OwnerCounters* known_counters(OwnerId owner) const {
    const uint32_t index = index_of(owner);
    return counter_chunks()[index / wire::kOwnersPerChunk] + index % wire::kOwnersPerChunk;
  }
};

static_assert(offsetof(ThreadState, record) == 0);

/// The calling thread's state; before its first allocation (and after its last) a state whose only
/// slot matches nothing, so that the fast path needs no test.
extern __thread ThreadState* tls_state __attribute__((tls_model("initial-exec")));
extern constinit ThreadState cold_state;

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
