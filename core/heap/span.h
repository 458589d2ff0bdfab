// Spans: runs of pages. A span in use holds blocks of one size class (or one large block); a free
// run waits in the page heap. Its record lives in a table beside the heap, never in user memory.
// Layer: core/heap.  Allocates: no.  Locks: said per field.
//
// Three kinds, by what is kept per block:
//   uniform  nothing: one owner, one requested size
//   varied   its last byte, the rounding (block - requested): one owner, and sizes that do not fill
//            the block. Nobody may write to it: it is no usable byte
//   metered  a word beside the heap, owner and rounding: blocks of any owner
//
// A block of a span in use is on the span's own free list, or used: on its bin's list, in the hands
// of the program, or on its way back from another thread.
#pragma once

#include "core/base/counter.h"
#include "core/base/types.h"
#include "core/heap/size_class.h"
#include "core/wire/tables.h"

namespace heaptag::heap {

enum class SpanState : uint8_t {
  kUnused = 0,  // a record without pages
  kFree,        // a run in the page heap                        (page heap's lock)
  kPartial,     // has free blocks, in its bin's queue or spare   (its thread)
  kFull,        // all of its blocks are used                     (its thread)
  kLarge,       // one block of its own                           (whoever frees it)
  kChecked,     // blocks with records, see core/allocator/checked_span.h
};

enum SpanFlag : uint8_t {
  kFlagZeroed =
      1,  // free run: reads as zero; large block: nobody has written to it before its owner
  kFlagOsmalloc = 2,  // checked: of that zone (core/zone), and not for free()
  kFlagMtype = 4,     //
  kFlagWired = 8,     // its pages are locked
};

/// What is kept per block: see above.
enum class SpanKind : uint8_t { kUniform = 0, kVaried, kMetered };

inline constexpr uint8_t kZoneFlags = kFlagOsmalloc | kFlagMtype;

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

/// What a free block of a small span holds. The place of its word does not change while the span is
/// in use: whoever takes the block need not look for it.
struct FreeBlock {
  FreeBlock* next;
  uint32_t* word;  // in Span::words; nothing in the other kinds
};

struct alignas(64) Span {
  // The line that every free reads, of whichever thread. Nothing in it changes with the calls.
  void* thread;     // ThreadState of core/allocator; null: large block or free run
  void* bin;        // Bin of core/allocator
  uint32_t* words;  // metered: one per block, BlockMeta
  char* base;
  uint32_t inverse;
  uint16_t block_bytes;
  uint16_t requested_bytes;  // uniform: the size; kVaried; kMetered
  OwnerId owner;             // kNone: metered
  uint32_t page_count;
  uint64_t requested_large;  // of a large block
  Watched<SpanState> state;
  uint8_t size_class;
  uint8_t flags;
  SpanKind kind;        // by requested_bytes
  uint32_t slack_mask;  // of the last byte, should a stray write hit it
  uint32_t capacity;    // blocks that fit
  // What slow paths change.
  FreeBlock* free_list;
  Span* prev;  // with next: bin's queue of partial spans, or a list of free runs
  Span* next;
  uint32_t linked;  // blocks that have ever been on a list; the others were never touched
  uint32_t used;    // of them

  static constexpr uint32_t kVaried = wire::kVariedSizes;
  static constexpr uint32_t kMetered = UINT16_MAX - 1;

  bool is_uniform() const { return requested_bytes < kMetered; }

  bool is_varied() const { return requested_bytes == kVaried; }

  /// Varied: the requested size of a block. What its last byte says is 0 when there is one byte to
  /// spare: a NUL that a program writes behind its 15 bytes changes nothing.
  uint32_t varied_size(const void* block) const {
    const uint32_t last = block_bytes - 1U;
    return last - (static_cast<const uint8_t*>(block)[last] & slack_mask);
  }

  /// Metered.
  uint32_t* word_of(const void* block) const { return words + index_of_block(block); }

  /// What a program may write in a block.
  uint32_t usable_bytes() const { return wire::usable_bytes(block_bytes, requested_bytes); }

  size_t size_bytes() const { return size_t{page_count} * kSpanPageBytes; }

  uint32_t index_of_block(const void* block) const {
    return block_index(static_cast<uint32_t>(reinterpret_cast<uintptr_t>(block)) -
                           static_cast<uint32_t>(reinterpret_cast<uintptr_t>(base)),
                       inverse);
  }
};

static_assert(sizeof(Span) == 128);

/// Varied: a block begins to hold `size` bytes, of the `last` that it can.
inline void write_slack(void* block, uint32_t last, size_t size) {
  static_cast<uint8_t*>(block)[last] = static_cast<uint8_t>(last - size);
}

constexpr SpanKind kind_of(uint32_t requested_bytes) {
  return requested_bytes < Span::kMetered   ? SpanKind::kUniform
         : requested_bytes == Span::kVaried ? SpanKind::kVaried
                                            : SpanKind::kMetered;
}

/// Whom a block in use is charged to, how much of it was asked for, how much may be written, and
/// the word that says so.
struct BlockCharge {
  OwnerId owner;
  uint32_t requested_bytes;
  uint32_t usable_bytes;
  uint32_t* word;  // null: not metered
};

inline BlockCharge charge_of(const Span* span, const void* block) {
  if (span->is_uniform()) {
    return {span->owner, span->requested_bytes, span->block_bytes, nullptr};
  }
  if (span->is_varied()) {
    return {span->owner, span->varied_size(block), span->usable_bytes(), nullptr};
  }
  uint32_t* word = span->word_of(block);
  const uint32_t block_bytes = span->block_bytes;
  return {BlockMeta::owner(*word), block_bytes - BlockMeta::slack_bytes(*word), block_bytes, word};
}

}  // namespace heaptag::heap
