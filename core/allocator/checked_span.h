// Spans whose blocks are checked: a record for each block beside the heap, no list in the blocks
// themselves, and no thread that owns them, so that every call takes a slow path.
// Layer: core/allocator.  Locks: said in checked_store.h.
#pragma once

#include "core/heap/address_map.h"
#include "core/heap/span.h"
#include "core/safety/block_record.h"

namespace heaptag::allocator {

using heap::Span;
using safety::BlockRecord;
using safety::BlockState;
using safety::CheckedBlock;

// How the fields of a Span are used here:
//   words      BlockRecord[capacity]
//   bin        room for copies of freed blocks, keepable_bytes(block_bytes) for each; null: none
//   inverse    as ever; of large blocks (block_bytes is 0): the redzone before the user's bytes
//   free_list  in the store: the record of the first free block
//   linked     blocks that were ever handed out
//   used       of them, those that are not in the store

//   requested_bytes  of slabs of a zone: kOfPool, if its pool has made it

inline constexpr uint16_t kOfPool = 1;

inline bool is_checked(const Span* span) {
  return span->state == heap::SpanState::kChecked;
}

inline bool is_large(const Span* span) {
  return span->block_bytes == 0;
}

inline BlockRecord* records_of(const Span* span) {
  return reinterpret_cast<BlockRecord*>(span->words);
}

inline CheckedBlock block_at(const Span* span, uint32_t index) {
  BlockRecord* record = records_of(span) + index;
  if (unlikely(is_large(span))) {
    return {record, span->base, span->size_bytes(), span->inverse, span->requested_large, nullptr};
  }
  const size_t bytes = span->block_bytes;
  auto* kept = static_cast<uint8_t*>(span->bin);
  return {record,
          span->base + index * bytes,
          bytes,
          record->front(),
          record->requested,
          kept == nullptr ? nullptr : kept + index * bytes};
}

/// The block that an address lies in; `record` is null behind the last one. Pre: is_checked(span).
inline CheckedBlock find_block(const Span* span, uintptr_t address) {
  const uint32_t index =
      is_large(span) ? 0 : span->index_of_block(reinterpret_cast<const void*>(address));
  return index < span->capacity ? block_at(span, index) : CheckedBlock{};
}

/// Of a record that is on a list.
inline CheckedBlock listed_block(const BlockRecord* record) {
  const char* base = record->base();
  return find_block(heap::find_span(base), reinterpret_cast<uintptr_t>(base));
}

}  // namespace heaptag::allocator
