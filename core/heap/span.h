// Spans: runs of pages. A span in use holds blocks of one size class (or one large block); a free
// run waits in the page heap. Its record lives in a table beside the heap, never in user memory.
// Layer: core/heap.  Allocates: no.  Locks: said per field.
//
// Three kinds, by what is kept per block beside it:
//   uniform  nothing: one owner, one requested size; two counters of the span are the owner's
//   figures varied   a byte, the rounding (block - requested): one owner, sizes of one class; four
//   counters metered  a word, owner and rounding: blocks of any owner; the figures are in the
//   thread's OwnerCounters
//
// Invariant, for a span in use: blocks handed out = allocations - frees - settled.
#pragma once

#include <cstddef>

#include "core/base/check.h"
#include "core/base/counter.h"
#include "core/base/types.h"
#include "core/heap/size_class.h"
#include "core/wire/tables.h"

namespace heaptag::heap {

enum class SpanState : uint8_t {
  kUnused = 0,  // a record without pages
  kFree,        // a run in the page heap                        (page heap's lock)
  kCurrent,     // the span that its bin allocates from           (its thread)
  kPartial,     // has free blocks, in its bin's list             (its thread)
  kFull,        // had no free block when it was last looked at   (its thread)
  kLarge,       // one block of its own                           (whoever frees it)
};

enum SpanFlag : uint8_t {
  kFlagZeroed =
      1,  // free run: reads as zero; large block: nobody has written to it before its owner
};

/// What a metered span keeps per block: owner in the upper 21 bits, rounding (block - requested)
/// below.
struct BlockMeta {
  static constexpr unsigned kSlackBits = 11;
  static constexpr uint32_t kSlackMask = (1U << kSlackBits) - 1;
  static constexpr uint32_t kMaxOwners = 1U << (32 - kSlackBits);

  static uint32_t pack(OwnerId owner, uint32_t slack_bytes) {
    return index_of(owner) << kSlackBits | slack_bytes;
  }

  static OwnerId owner(uint32_t meta) { return OwnerId{meta >> kSlackBits}; }

  static uint32_t slack_bytes(uint32_t meta) { return meta & kSlackMask; }
};

struct alignas(64) Span {
  // What stays the same while the span is in use: the line that threads which free its blocks
  // share.
  void* thread;  // ThreadState of core/allocator; null: large block or free run
  void* meta;    // per block: null (uniform), uint8_t (varied), uint32_t (metered)
  char* base;
  uint32_t requested_bytes;  // uniform: the size; kVaried; kMetered
  uint32_t block_bytes;
  uint32_t inverse;
  OwnerId owner;  // kNone: metered
  uint32_t page_count;
  uint32_t capacity;  // blocks that fit
  void* bin;          // Bin of core/allocator; for a large block its size (see requested_large)
  Span* prev;         // with next: bin's queue of partial spans, or a list of free runs
  // What its own thread changes with every call.
  void* free_list;
  uint64_t allocations;
  uint64_t frees;
  uint64_t allocated_bytes;  // varied: requested, of all allocations; of all local frees
  uint64_t freed_bytes;
  uint32_t threshold;  // see attention_needed
  uint32_t settled;    // blocks that other threads freed and that have come back, modulo 2^32
  uint32_t linked;     // blocks that have ever been on the free list; the others were never touched
  Watched<SpanState> state;
  uint8_t size_class;
  uint8_t flags;
  uint8_t reserved;
  Span* next;

  static constexpr uint32_t kVaried = UINT32_MAX;
  static constexpr uint32_t kMetered = UINT32_MAX - 1;
  static constexpr uint32_t kLargestVariedSlack = UINT8_MAX;

  bool is_uniform() const { return meta == nullptr; }

  bool is_varied() const { return requested_bytes == kVaried; }

  uint8_t& slack_of(uint32_t index) const { return static_cast<uint8_t*>(meta)[index]; }

  uint32_t& meta_of(uint32_t index) const { return static_cast<uint32_t*>(meta)[index]; }

  uint32_t used() const { return static_cast<uint32_t>(allocations - frees) - settled; }

  /// After a local free: has the number of used blocks fallen to what the state waits for?
  /// threshold = settled + wait: kWaitNever for the current span, 0 for a partial one (it became
  /// empty), capacity for a full one (it has a free block again).
  bool attention_needed() const {
    return static_cast<int32_t>(static_cast<uint32_t>(allocations - frees) - threshold) <= 0;
  }

  static constexpr uint32_t kWaitNever = UINT32_MAX;

  void wait_for(uint32_t used_blocks) { threshold = settled + used_blocks; }

  size_t size_bytes() const { return size_t{page_count} * kSpanPageBytes; }

  uint64_t requested_large() const { return reinterpret_cast<uint64_t>(bin); }

  void set_requested_large(uint64_t bytes) { write_relaxed(bin, reinterpret_cast<void*>(bytes)); }

  uint32_t index_of_block(const void* block) const {
    return block_index(static_cast<uint32_t>(static_cast<const char*>(block) - base), inverse);
  }
};

/// Whom a block in use is charged to, and how much of it was asked for.
struct BlockCharge {
  OwnerId owner;
  uint32_t requested_bytes;
};

inline BlockCharge charge_of(const Span* span, const void* block) {
  if (span->is_uniform()) {
    return {span->owner, span->requested_bytes};
  }
  const uint32_t index = span->index_of_block(block);
  if (span->is_varied()) {
    return {span->owner, span->block_bytes - span->slack_of(index)};
  }
  const uint32_t meta = span->meta_of(index);
  return {BlockMeta::owner(meta), span->block_bytes - BlockMeta::slack_bytes(meta)};
}

static_assert(sizeof(Span) == sizeof(wire::SpanRecord));
static_assert(offsetof(Span, meta) == offsetof(wire::SpanRecord, meta));
static_assert(offsetof(Span, requested_bytes) == offsetof(wire::SpanRecord, requested_bytes));
static_assert(offsetof(Span, owner) == offsetof(wire::SpanRecord, owner));
static_assert(offsetof(Span, settled) == offsetof(wire::SpanRecord, settled));
static_assert(offsetof(Span, state) == offsetof(wire::SpanRecord, state));
static_assert(offsetof(Span, bin) == offsetof(wire::SpanRecord, bin));
static_assert(offsetof(Span, freed_bytes) == offsetof(wire::SpanRecord, freed_bytes));

}  // namespace heaptag::heap
