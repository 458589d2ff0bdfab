#include "core/allocator/figures.h"

#include <initializer_list>

#include "core/allocator/threads.h"
#include "core/os/clock.h"
#include "core/tag/owners.h"

namespace heaptag::allocator {

namespace {

enum class Half { kFreed, kAllocated };

constinit uint32_t holds = 0;
constexpr uint64_t kWaitNs = 50'000;
constexpr unsigned kMostWaits = 2000;

// Read against the order in which they are written: what was asked for is never more than the
// blocks that hold it.
void visit_part(const FigureVisitor& visitor,
                Half half,
                uint32_t owner,
                const OwnerCounters& part) {
  OwnerCounters words{};
  if (half == Half::kFreed) {
    words.freed_usable = read_relaxed(part.freed_usable);
    words.freed_bytes = read_relaxed(part.freed_bytes);
    words.frees = read_relaxed(part.frees);
  } else {
    words.allocated_bytes = read_relaxed(part.allocated_bytes);
    words.allocated_usable = read_relaxed(part.allocated_usable);
    words.allocations = read_relaxed(part.allocations);
    words.failed = read_relaxed(part.failed);
  }
  visitor.add(visitor.context, owner, words);
}

void visit_thread(const FigureVisitor& visitor, Half half, const ThreadState* thread) {
  const uint32_t owners = tag::owner_count();
  const uint64_t chunks = __atomic_load_n(&thread->record.counters_chunks, __ATOMIC_ACQUIRE);
  for (uint32_t i = 0; i < chunks; ++i) {
    const OwnerCounters* chunk = __atomic_load_n(&thread->counter_chunks()[i], __ATOMIC_ACQUIRE);
    const uint32_t first = i * wire::kOwnersPerChunk;
    for (uint32_t j = 0; chunk != nullptr && j < wire::kOwnersPerChunk && first + j < owners; ++j) {
      visit_part(visitor, half, first + j, chunk[j]);
    }
  }
  if (index_of(tag::kOverflowOwner) < owners) {  // else there are no owners yet
    visit_part(visitor, half, index_of(tag::kOverflowOwner), thread->lost);
  }
}

void visit_spans_of_one_owner(const FigureVisitor& visitor, Half half) {
  const uint32_t owners = tag::owner_count();
  const uint32_t spans = heap::span_record_count();
  for (uint32_t i = 1; i < spans; ++i) {
    const Span* span = heap::span_at(i);
    // The thread first: what was no span of small blocks then has counted nothing for its next
    // owner.
    const void* thread = __atomic_load_n(&span->thread, __ATOMIC_ACQUIRE);
    const uint32_t owner = index_of(read_relaxed(span->owner));
    if (thread == nullptr || owner == 0 || owner >= owners) {
      continue;
    }
    const uint32_t requested_bytes = read_relaxed(span->requested_bytes);
    const uint32_t block_bytes = read_relaxed(span->block_bytes);
    const bool is_varied = requested_bytes == Span::kVaried;
    OwnerCounters part{};
    part.frees = read_relaxed(span->frees);
    part.freed_usable = part.frees * block_bytes;
    part.freed_bytes = is_varied ? read_relaxed(span->freed_bytes) : part.frees * requested_bytes;
    // The bytes before the blocks: a block counts before its bytes do.
    const uint64_t varied_bytes = is_varied ? read_relaxed(span->allocated_bytes) : 0;
    part.allocations = read_relaxed(span->allocations);
    part.allocated_usable = part.allocations * block_bytes;
    part.allocated_bytes = is_varied ? varied_bytes : part.allocations * requested_bytes;
    visit_part(visitor, half, owner, part);
  }
}

}  // namespace

void visit_figures(const FigureVisitor& visitor, Order order) {
  const bool freed_first = order == Order::kFreedFirst;
  for (Half half : {freed_first ? Half::kFreed : Half::kAllocated,
                    freed_first ? Half::kAllocated : Half::kFreed}) {
    for (const ThreadState* thread = first_thread(); thread != nullptr;
         thread = reinterpret_cast<const ThreadState*>(thread->record.next)) {
      visit_thread(visitor, half, thread);
    }
    visit_spans_of_one_owner(visitor, half);
  }
}

FiguresHold::FiguresHold() {
  __atomic_fetch_add(&holds, 1, __ATOMIC_SEQ_CST);
}

FiguresHold::~FiguresHold() {
  __atomic_fetch_sub(&holds, 1, __ATOMIC_SEQ_CST);
}

void wait_until_figures_may_move() {
  for (unsigned i = 0; i < kMostWaits && read_relaxed(holds) != 0; ++i) {
    os::sleep_ns(kWaitNs);
  }
}

uint64_t figures_sequence_now() {
  uint64_t sum = 0;
  for (const ThreadState* thread = first_thread(); thread != nullptr;
       thread = reinterpret_cast<const ThreadState*>(thread->record.next)) {
    const uint64_t sequence = __atomic_load_n(&thread->record.sequence, __ATOMIC_ACQUIRE);
    if ((sequence & 1) != 0 &&
        read_relaxed(thread->record.phase) == static_cast<uint32_t>(ThreadPhase::kRunning)) {
      return kFiguresMove;
    }
    sum += sequence;
  }
  return sum;
}

uint64_t figures_sequence() {
  uint64_t sequence = figures_sequence_now();
  for (; sequence == kFiguresMove; sequence = figures_sequence_now()) {
    __builtin_ia32_pause();
  }
  return sequence;
}

}  // namespace heaptag::allocator
