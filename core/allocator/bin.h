// A bin: all blocks of one size class that one thread allocates for one kind of request. Its list
// of free blocks is where they come from and where they go, last in, first out, so that what is in
// the cache is used again. When the list is empty it gets all free blocks of a span; when it has
// enough, freed blocks go to their spans, so that these become dense, or empty. Layer:
// core/allocator.
#pragma once

#include <cstddef>

#include "core/base/counter.h"
#include "core/base/types.h"
#include "core/heap/span.h"
#include "core/wire/tables.h"

namespace heaptag::allocator {

using heap::FreeBlock;
using heap::Span;
using wire::OwnerCounters;

/// For one (call site, requested size): *uniform*; for one (call site, size class): *varied*; for
/// one size class, whoever asks: *metered*. The first two are *own* bins. Never freed.
struct alignas(64) Bin {
  // The line that an allocation and a free touch. For the order see wire::BinRecord.
  FreeBlock* free_list;
  uint64_t allocated_bytes;  // varied: requested
  uint64_t allocations;
  uint64_t frees;        // by the thread itself
  uint64_t freed_bytes;  // varied: requested, of these
  int64_t bound;         // of net_frees: above it, freed blocks go to their spans
  OwnerId owner;         // kNone: metered
  uint16_t block_bytes;
  uint16_t requested_bytes;  // of its spans
  uint16_t last;             // byte of a block
  uint16_t limit;            // blocks that may come to the list for those that it was filled with
  uint16_t held_per_block;   // what the peak takes a block in use for; metered: 0, see below
  uint8_t size_class;
  bool active;  // own: allocations of its key come here
  // What slow paths need.
  uint64_t key;           // uniform_key, varied_key; 0: metered
  int64_t settled_bytes;  // of held_bytes(), what the thread's own_held_bytes has
  Span* partial;  // queue of spans with free blocks, linked by next/prev: those that wait longest,
                  // and
  Span* partial_tail;  // have most to give, come first
  Span* spare;  // one empty span kept so that a bin at the brink does not visit the page heap
  uint32_t allocations_at_sweep;  // its lower half
  uint32_t guard_counted;         // for the sampling of guarded blocks, the same
  uint32_t page_count;            // of all its spans
  uint32_t span_count;
  uint32_t listable_bytes;  // what can be handed out without a slow path: see note_listable
  uint32_t largest_span_bytes;

  bool is_own() const { return key != 0; }

  int64_t net_frees() const { return static_cast<int64_t>(frees - allocations); }

  /// For the peak: what was asked for, or for blocks of which that is not known at once, all that
  /// they can hold. Metered blocks are counted in ThreadRecord::live_bytes instead, and so are
  /// blocks that other threads free, in theirs. Its own thread only.
  int64_t held_bytes() const { return -net_frees() * held_per_block; }
};

/// The thread's bins, a few at a time: the first chunk is the newest.
struct BinChunk {
  BinChunk* next;
  uint64_t reserved[15];
  Bin bins[wire::kBinsPerChunk];
};

static_assert(sizeof(Bin) == sizeof(wire::BinRecord));
static_assert(offsetof(Bin, allocated_bytes) == offsetof(wire::BinRecord, allocated_bytes));
static_assert(offsetof(Bin, freed_bytes) == offsetof(wire::BinRecord, freed_bytes));
static_assert(offsetof(Bin, frees) == offsetof(wire::BinRecord, frees));
static_assert(offsetof(Bin, owner) == offsetof(wire::BinRecord, owner));
static_assert(offsetof(Bin, requested_bytes) == offsetof(wire::BinRecord, requested_bytes));
static_assert(sizeof(BinChunk) == sizeof(wire::BinChunk));
static_assert(offsetof(BinChunk, bins) == offsetof(wire::BinChunk, bins));

/// Own bins go by the owner, of which there is a new one when a module takes the place of another.
inline uint64_t uniform_key(OwnerId owner, size_t requested_size) {
  return index_of(owner) | uint64_t{requested_size} << 32;
}

inline uint64_t varied_key(OwnerId owner, unsigned size_class) {
  return index_of(owner) | uint64_t{size_class} << 32 | uint64_t{1} << 63;
}

/// What Bin::held_bytes has counted for a block that is freed.
inline uint32_t held_bytes(const Span* span, const heap::BlockCharge& charge) {
  return span->is_varied() ? span->block_bytes : charge.requested_bytes;
}

inline FreeBlock* pop_block(Bin* bin) {
  FreeBlock* block = bin->free_list;
  if (likely(block != nullptr)) {
    FreeBlock* next = block->next;
    bin->free_list = next;
    __builtin_prefetch(next);  // lists of blocks that were freed long ago are scattered
    bump(bin->allocations);
  }
  return block;
}

/// Pre: a metered block says where its word is.
inline void push_block(Bin* bin, FreeBlock* block) {
  block->next = bin->free_list;
  __atomic_signal_fence(__ATOMIC_RELEASE);  // whoever interrupts finds a list
  bin->free_list = block;
}

}  // namespace heaptag::allocator
