#include "core/allocator/checked_lists.h"

#include "core/allocator/checked_store.h"
#include "core/allocator/checked_verify.h"
#include "core/allocator/threads.h"
#include "core/base/units.h"
#include "core/meta/meta_allocator.h"
#include "core/os/clock.h"

namespace heaptag::allocator {

using safety::FoundWhen;
using safety::kAgeUnitBytes;

namespace {

// Blocks that are fetched from the store at once.
constexpr uint32_t kFetchBytes = 4 * kKiB;
constexpr uint32_t kMostFetched = 32;

// What a queue may hold beside what is not old enough yet.
constexpr uint32_t kQueueBytes = 256 * kKiB;
constexpr uint32_t kLeastQueued = 4;

// Freed bytes after which a thread looks around.
constexpr uint64_t kLookEveryBytes = 16 * kKiB;

constinit uint64_t freed_by_all = 0;  // bytes (atomic)

CheckedWay way_of(const safety::Settings& settings) {
  if (!settings.kmem_debug || !settings.has_crc || settings.stack_depth > 1) {
    return CheckedWay::kCareful;
  }
  return settings.redzone_bytes != 0 || settings.keeps_content ? CheckedWay::kRedzones
                                                               : CheckedWay::kPlain;
}

void set_up(CheckedLists* lists, uint32_t thread) {
  const safety::Settings& settings = safety::settings;
  const uint64_t units = settings.quarantine_bytes / kAgeUnitBytes;
  constexpr uint64_t kMostUnits = INT32_MAX / 2;
  lists->quarantine_units = static_cast<uint32_t>(units < kMostUnits ? units : kMostUnits);
  lists->front_bytes = static_cast<uint32_t>(safety::front_bytes());
  lists->extra_bytes = lists->front_bytes + settings.redzone_bytes;
  lists->way = way_of(settings);
  lists->thread_in_link = BlockRecord::with_thread(0, thread);
  for (unsigned i = 0; i < heap::kClassCount; ++i) {
    CheckedQueue& queue = lists->sizes[i];
    queue.block_bytes = heap::kClasses[i].block_bytes;
    const uint64_t most =
        (lists->quarantine_units * kAgeUnitBytes + kQueueBytes) / queue.block_bytes + kLeastQueued;
    queue.most = static_cast<uint32_t>(most < UINT32_MAX ? most : UINT32_MAX);
  }
}

CheckedBlock pop_first(CheckedQueue* queue) {
  BlockRecord* record = queue->first;
  const CheckedBlock block = listed_block(record);
  queue->first = record->next();
  --queue->waiting;
  return block;
}

// The oldest blocks go to the store, as long as `goes_on` says so.
template <typename GoesOn>
void evict(CheckedQueue* queue, GoesOn goes_on) {
  BlockRecord* evicted = nullptr;
  while (queue->first != nullptr && goes_on()) {
    const CheckedBlock block = pop_first(queue);
    if (check_freed(block, FoundWhen::kEviction)) {
      add_first(&evicted, block.record);
    }
  }
  give_to_store(evicted);
}

void give_up(CheckedQueue* queue) {
  give_to_store(queue->ready);
  queue->ready = nullptr;
  evict(queue, [] { return true; });
  queue->waiting = 0;
}

}  // namespace

CheckedLists* checked_lists_of(ThreadState* thread) {
  if (unlikely(thread->checked == nullptr)) {
    auto* lists = static_cast<CheckedLists*>(meta::allocate(sizeof(CheckedLists)));
    if (lists != nullptr) {
      set_up(lists, thread->record.id);
      look_around(lists);
    }
    __atomic_store_n(&thread->checked, lists, __ATOMIC_RELEASE);
  }
  return thread->checked;
}

uint64_t waiting_bytes() {
  uint64_t sum = waiting_large_bytes();
  for (const ThreadState* thread = first_thread(); thread != nullptr;
       thread = reinterpret_cast<const ThreadState*>(thread->record.next)) {
    const CheckedLists* lists = __atomic_load_n(&thread->checked, __ATOMIC_ACQUIRE);
    if (lists == nullptr) {
      continue;
    }
    for (const CheckedQueue& queue : lists->sizes) {
      sum += uint64_t{read_relaxed(queue.waiting)} * queue.block_bytes;
    }
  }
  return sum;
}

bool fetch_checked(CheckedQueue* queue, unsigned size_class) {
  const uint32_t fit = kFetchBytes / queue->block_bytes;
  queue->ready =
      take_from_store(size_class, fit > kMostFetched ? kMostFetched : (fit == 0 ? 1 : fit));
  return queue->ready != nullptr;
}

void look_around(CheckedLists* lists) {
  const uint64_t untold = lists->freed_bytes - lists->looked_at;
  lists->freed_bytes = __atomic_fetch_add(&freed_by_all, untold, __ATOMIC_RELAXED) + untold;
  lists->looked_at = lists->freed_bytes;
  lists->look_at = lists->freed_bytes + kLookEveryBytes;
  lists->now_ms = os::short_ms();
}

void shorten(CheckedLists* lists, CheckedQueue* queue) {
  evict(queue,
        [=] { return queue->waiting > queue->most / 2 && is_old_enough(lists, queue->first); });
}

void retire_checked_lists(CheckedLists* lists) {
  for (CheckedQueue& queue : lists->sizes) {
    give_up(&queue);
  }
  look_around(lists);
}

}  // namespace heaptag::allocator
