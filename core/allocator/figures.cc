#include "core/allocator/figures.h"

#include <initializer_list>

#include "core/allocator/threads.h"
#include "core/tag/owners.h"

namespace heaptag::allocator {

namespace {

enum class Half { kFreed, kAllocated };

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

void visit_counters(const FigureVisitor& visitor, Half half, const ThreadState* thread) {
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

void visit_bin(const FigureVisitor& visitor, Half half, const Bin& bin) {
  const uint32_t owner = index_of(__atomic_load_n(&bin.owner, __ATOMIC_ACQUIRE));
  if (owner == 0 || owner >= tag::owner_count()) {
    return;
  }
  wire::BinRecord record{};
  record.block_bytes = bin.block_bytes;
  record.requested_bytes = bin.requested_bytes;
  record.frees = read_relaxed(bin.frees);
  record.freed_bytes = read_relaxed(bin.freed_bytes);
  record.allocated_bytes = read_relaxed(bin.allocated_bytes);
  record.allocations = read_relaxed(bin.allocations);
  visit_part(visitor, half, owner, wire::counters_of_bin(record));
}

void visit_bins(const FigureVisitor& visitor, Half half, const ThreadState* thread) {
  for (const BinChunk* chunk = first_bins(thread); chunk != nullptr; chunk = chunk->next) {
    for (const Bin& bin : chunk->bins) {
      visit_bin(visitor, half, bin);
    }
  }
}

void visit_thread(const FigureVisitor& visitor, Half half, const ThreadState* thread) {
  visit_bins(visitor, half, thread);
  visit_counters(visitor, half, thread);
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
  }
}

}  // namespace heaptag::allocator
