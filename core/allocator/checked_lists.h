// The checked blocks that one thread has ready, and those that it has freed and that wait, oldest
// first, until enough has been freed since (HEAPTAG_QUARANTINE). Nothing is moved for that: a block
// waits in the queue of its own size, and is taken from there when it is old enough.
//
// At any instruction the lists are such that a forked child can walk them by their links.
// Layer: core/allocator.  All functions: only the state's own thread, or whoever holds an orphan
// under the registry's lock.  Locks: the checked store's and the page heap's, briefly.
#pragma once

#include "core/allocator/checked_span.h"
#include "core/allocator/thread_state.h"
#include "core/safety/settings.h"

namespace heaptag::allocator {

/// Of one size class.
struct alignas(64) CheckedQueue {
  BlockRecord* ready;  // from the store: unused, or freed long ago
  BlockRecord* first;  // freed by this thread, the oldest
  BlockRecord* last;   // of no meaning when there is no first one
  uint32_t waiting;    // blocks, about
  uint32_t most;       // of them: more go to the store
  uint32_t block_bytes;
};

/// How calls may go about it, see checked_plain.cc.
enum class CheckedWay : uint8_t {
  kCareful,   // there are stacks to keep, no sums, or none that the CPU computes
  kPlain,     // blocks are summed up, and that is all
  kRedzones,  // beside it there are redzones, copies of what was freed, or both
};

struct CheckedLists {
  uint64_t freed_bytes;  // by the process, as seen on the last look, and by this thread since
  uint64_t look_at;      // freed_bytes at which the next look is due
  uint64_t looked_at;    // freed_bytes after the last one
  uint32_t frees;        // of this thread, ever
  uint32_t now_ms;       // os::short_ms, as seen on the last look
  // Of safety::settings, in the line that every call reads.
  uint32_t quarantine_units;
  uint32_t extra_bytes;  // redzones
  uint32_t front_bytes;
  CheckedWay way;
  uint64_t thread_in_link;  // BlockRecord::with_thread(0, the thread's number)
  CheckedQueue sizes[heap::kClassCount];
};

/// Made on first use. Null without memory.
CheckedLists* checked_lists_of(ThreadState* thread);

/// Of all threads: what was freed and waits.
uint64_t waiting_bytes();

inline bool is_old_enough(const CheckedLists* lists, const BlockRecord* record) {
  const uint32_t now = static_cast<uint32_t>(lists->freed_bytes / safety::kAgeUnitBytes);
  // Unsigned: a block that has been left alone for a TiB of frees is young once more, for a moment.
  return now + 1 - record->freed_at > lists->quarantine_units;
}

/// The next block that may be handed out, though not checked yet. `Take` decides whether it leaves
/// its list. Null when there is none (fetch then), or it was not taken.
template <typename Take>
[[gnu::always_inline]] inline BlockRecord* pop_checked(const CheckedLists* lists,
                                                       CheckedQueue* queue,
                                                       Take take) {
  BlockRecord* record = queue->first;
  if (record != nullptr && is_old_enough(lists, record)) {
    if (unlikely(!take(record))) {
      return nullptr;
    }
    const BlockRecord* next = record->next();
    queue->first = const_cast<BlockRecord*>(next);
    --queue->waiting;
    if (likely(next != nullptr)) {
      __builtin_prefetch(next->base());
      __builtin_prefetch(next->next());
    }
    return record;
  }
  record = queue->ready;
  if (record == nullptr || unlikely(!take(record))) {
    return nullptr;
  }
  queue->ready = record->next();
  return record;
}

/// Gets blocks from the store. False without memory.
bool fetch_checked(CheckedQueue* queue, unsigned size_class);

/// Looks at what the process has freed, and at the clock.
void look_around(CheckedLists* lists);

/// Has the queue more than it may have? Most of it is old enough to go then.
inline bool is_too_long(const CheckedQueue* queue) {
  return queue->waiting > queue->most;
}

/// What is old enough goes to the store, until the queue holds half of what it may.
void shorten(CheckedLists* lists, CheckedQueue* queue);

/// Is there to be done what cannot be done at once?
inline bool is_maintenance_due(const CheckedLists* lists) {
  return lists->freed_bytes >= lists->look_at;
}

/// A block that has been freed, its record filled but for its age. Its link is null, as it was when
/// the block was handed out.
[[gnu::always_inline]] inline void push_checked(CheckedLists* lists,
                                                CheckedQueue* queue,
                                                BlockRecord* record,
                                                size_t block_bytes) {
  lists->freed_bytes += block_bytes;
  // What is freed from here on is younger.
  record->freed_at = static_cast<uint32_t>(lists->freed_bytes / safety::kAgeUnitBytes) + 1;
  __atomic_signal_fence(__ATOMIC_RELEASE);
  if (queue->first == nullptr) {
    write_relaxed(queue->first, record);
  } else {
    queue->last->set_next(record);
  }
  queue->last = record;
  ++queue->waiting;
}

/// Gives everything up, checked once more: for a thread that ends.
void retire_checked_lists(CheckedLists* lists);

}  // namespace heaptag::allocator
