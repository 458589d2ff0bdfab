#include "core/allocator/checked_lists.h"

#include "core/allocator/checked_store.h"
#include "core/allocator/checked_verify.h"
#include "core/allocator/threads.h"
#include "core/base/units.h"
#include "core/meta/meta_allocator.h"
#include "core/os/clock.h"
#include "core/safety/settings.h"

namespace heaptag::allocator {

using safety::FoundWhen;
using safety::kAgeUnitBytes;

namespace {

// What the process has freed is looked at, and what this thread has freed is told, once in so many
// bytes; the clock is read then, too.
constexpr uint64_t kLookEveryBytes = 8 * kKiB;

// Blocks that are fetched from the store at once, and what a queue may hold beyond what waits.
constexpr uint32_t kFetchBytes = 4 * kKiB;
constexpr uint32_t kMostFetched = 32;
constexpr uint32_t kQueueBytes = 64 * kKiB;
constexpr uint32_t kLeastQueued = 4;

struct Process {
  uint64_t freed_bytes;  // atomic
  uint64_t start_ms;
};

constinit Process process{};

uint64_t now_units(const CheckedLists* lists) {
  return lists->seen_units + lists->own_bytes / kAgeUnitBytes;
}

void look(CheckedLists* lists) {
  lists->seen_units =
      (__atomic_fetch_add(&process.freed_bytes, lists->own_bytes, __ATOMIC_RELAXED) +
       lists->own_bytes) /
      kAgeUnitBytes;
  lists->own_bytes = 0;
  lists->now_ms = static_cast<uint32_t>(os::coarse_ms() - process.start_ms);
}

bool is_old_enough(const CheckedLists* lists, const BlockRecord* record) {
  const auto age = static_cast<uint32_t>(now_units(lists)) - record->freed_at;
  return age * kAgeUnitBytes >= safety::settings.quarantine_bytes;
}

// Pre: the queue is not empty.
void pop_waiting(CheckedLists* lists, CheckedQueue* queue, const CheckedBlock& block) {
  queue->first = block.record->next;
  if (--queue->waiting == 0) {
    queue->last = 0;
  }
  lists->waiting_bytes -= block.bytes;
}

void push_waiting(CheckedLists* lists, CheckedQueue* queue, const CheckedBlock& block) {
  const auto base = reinterpret_cast<uintptr_t>(block.base);
  block.record->next = 0;
  if (queue->waiting++ == 0) {
    queue->first = base;
  } else {
    listed_block(queue->last).record->next = base;
  }
  queue->last = base;
  lists->waiting_bytes += block.bytes;
}

bool fetch(CheckedQueue* queue, unsigned size_class) {
  const uint32_t fit = kFetchBytes / heap::kClasses[size_class].block_bytes;
  const BlockChain chain =
      take_from_store(size_class, fit > kMostFetched ? kMostFetched : (fit == 0 ? 1 : fit));
  queue->ready = chain.first;
  queue->ready_count = chain.count;
  return chain.count != 0;
}

// What is old enough leaves the queue until it holds half of what it may.
void evict(CheckedLists* lists, CheckedQueue* queue, uint32_t keep) {
  BlockChain chain;
  while (queue->waiting > keep) {
    const CheckedBlock block = listed_block(queue->first);
    if (!is_old_enough(lists, block.record)) {
      break;
    }
    pop_waiting(lists, queue, block);
    if (check_freed(block, FoundWhen::kEviction)) {
      block.record->next = chain.first;
      chain.first = reinterpret_cast<uintptr_t>(block.base);
      ++chain.count;
    }
  }
  if (chain.count != 0) {
    give_to_store(chain);
  }
}

void evict_large(CheckedLists* lists, bool everything) {
  CheckedQueue* queue = &lists->large;
  while (queue->waiting != 0) {
    const CheckedBlock block = listed_block(queue->first);
    if (!everything && !is_old_enough(lists, block.record)) {
      break;
    }
    pop_waiting(lists, queue, block);
    if (check_freed(block, FoundWhen::kEviction)) {
      give_large_checked(heap::find_span(block.base));
    }
  }
}

void give_up(CheckedLists* lists, CheckedQueue* queue) {
  BlockChain chain{queue->ready, 0, queue->ready_count};
  queue->ready = 0;
  queue->ready_count = 0;
  give_to_store(chain);
  chain = {};
  while (queue->waiting != 0) {
    const CheckedBlock block = listed_block(queue->first);
    pop_waiting(lists, queue, block);
    if (check_freed(block, FoundWhen::kEviction)) {
      block.record->next = chain.first;
      chain.first = reinterpret_cast<uintptr_t>(block.base);
      ++chain.count;
    }
  }
  give_to_store(chain);
}

}  // namespace

CheckedLists* checked_lists_of(ThreadState* thread) {
  if (unlikely(thread->checked == nullptr)) {
    uint64_t none = 0;
    __atomic_compare_exchange_n(&process.start_ms, &none, os::coarse_ms(), false, __ATOMIC_RELAXED,
                                __ATOMIC_RELAXED);
    thread->checked = static_cast<CheckedLists*>(meta::allocate(sizeof(CheckedLists)));
    if (thread->checked != nullptr) {
      look(thread->checked);
    }
  }
  return thread->checked;
}

uint64_t waiting_bytes() {
  uint64_t sum = 0;
  for (const ThreadState* thread = first_thread(); thread != nullptr;
       thread = reinterpret_cast<const ThreadState*>(thread->record.next)) {
    const CheckedLists* lists = __atomic_load_n(&thread->checked, __ATOMIC_ACQUIRE);
    sum += lists == nullptr ? 0 : read_relaxed(lists->waiting_bytes);
  }
  return sum;
}

CheckedBlock take_checked(CheckedLists* lists, unsigned size_class) {
  CheckedQueue* queue = &lists->sizes[size_class];
  for (;;) {
    CheckedBlock block{};
    if (queue->waiting != 0) {
      block = listed_block(queue->first);
      if (is_old_enough(lists, block.record)) {
        pop_waiting(lists, queue, block);
        if (likely(check_freed(block, FoundWhen::kReuse))) {
          return block;
        }
        continue;
      }
    }
    if (queue->ready == 0 && !fetch(queue, size_class)) {
      return {};
    }
    block = listed_block(queue->ready);
    queue->ready = block.record->next;
    --queue->ready_count;
    if (likely(check_freed(block, FoundWhen::kReuse))) {
      return block;
    }
  }
}

void put_checked(CheckedLists* lists, Span* span, const CheckedBlock& block) {
  lists->own_bytes += block.bytes;
  if (lists->own_bytes >= kLookEveryBytes) {
    look(lists);
  }
  // What is freed from here on is younger.
  block.record->freed_at = static_cast<uint32_t>(now_units(lists)) + 1;
  if (unlikely(is_large(span))) {
    push_waiting(lists, &lists->large, block);
    evict_large(lists, false);
    return;
  }
  CheckedQueue* queue = &lists->sizes[span->size_class];
  push_waiting(lists, queue, block);
  const uint32_t most = kQueueBytes / span->block_bytes + kLeastQueued;
  if (unlikely(queue->waiting > most)) {
    evict(lists, queue, most / 2);
  }
  if (unlikely(lists->large.waiting != 0)) {
    evict_large(lists, false);
  }
}

void retire_checked_lists(CheckedLists* lists) {
  for (CheckedQueue& queue : lists->sizes) {
    give_up(lists, &queue);
  }
  evict_large(lists, true);
  look(lists);
}

}  // namespace heaptag::allocator
