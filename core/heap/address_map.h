// From an address to its span. One reserved range holds nearly everything: its lookup is a
// subtraction, a compare and a shift. Where the range cannot be had (RLIMIT_AS) or is full, memory
// comes in segments of whole MiB, found through a hash; both share one table indexed by page
// number. Layer: core/heap.  Allocates: metadata only.  Locks: growth is serialised by the page
// heap's lock; reads need none.
#pragma once

#include "core/base/types.h"
#include "core/base/units.h"
#include "core/heap/span.h"

namespace heaptag::heap {

/// What every free reads. Written under the page heap's lock; only range_bytes changes after
/// init_address_map.
struct AddressMap {
  uintptr_t range_begin;
  size_t range_bytes;       // the part of the range that is in use: grows; 0: segments only
  uint32_t* range_pages;    // page number -> place of its span, see span_in_place; 0: none
  uint32_t* segment_pages;  // the same for pages outside of the range
  Span* spans;              // entry 0 is a span of nobody
};

extern constinit AddressMap address_map;

/// Reserves address space. False when the kernel refuses everything.
bool init_address_map();

/// More memory: `page_count` pages (may be more), readable, writable, zero, contiguous with the
/// previous call's where possible. Returns the page number of the first and its address; false
/// without memory.
struct FreshPages {
  uint32_t first_page;
  uint32_t page_count;
  char* address;
};

bool grow_heap(uint32_t page_count, FreshPages* fresh);

/// Gives back what is reserved and not used, but for what a process with this limit may need.
void trim_address_map(size_t limit_bytes);

/// Takes back what was given up, as far as it is still free.
void restore_address_map();

/// A record for a span: zeroed but for `state`. Null without memory.
Span* take_span_record();
void give_span_record(Span* span);

/// Records that were given back are lost.
void forget_free_records();

/// Records in use or once used.
uint32_t span_record_count();

/// Page number of an address in a segment outside of the range; nobody's page when it is not ours.
uint32_t find_segment_page(uintptr_t address);

/// Page numbers of segments have this bit.
inline constexpr uint32_t kSegmentPage = 1U << 31;

inline uint32_t& page_entry(uint32_t page) {
  return (page & kSegmentPage) == 0 ? read_operand(address_map.range_pages)[page]
                                    : read_operand(address_map.segment_pages)[page & ~kSegmentPage];
}

inline uint32_t read_page(uint32_t page) {
  return __atomic_load_n(&page_entry(page), __ATOMIC_RELAXED);
}

inline Span* span_at(uint32_t index) {
  return read_operand(address_map.spans) + index;
}

/// What the pages' table keeps of a span: its distance from the first one, in bytes.
inline Span* span_in_place(uint32_t place) {
  return reinterpret_cast<Span*>(reinterpret_cast<char*>(read_operand(address_map.spans)) + place);
}

inline uint32_t place_of_span(const Span* span) {
  return static_cast<uint32_t>(reinterpret_cast<const char*>(span) -
                               reinterpret_cast<const char*>(read_operand(address_map.spans)));
}

inline constexpr size_t kMaxSpanRecords = (uint64_t{1} << 32) / sizeof(Span);

/// The span of an address in the range; for any other address the span of nobody.
inline Span* find_span_in_range(const void* address) {
  const uintptr_t offset =
      reinterpret_cast<uintptr_t>(address) - read_operand(address_map.range_begin);
  if (unlikely(offset >= read_operand(address_map.range_bytes))) {
    return span_at(0);
  }
  return span_in_place(read_relaxed(read_operand(address_map.range_pages)[offset >> 12]));
}

/// The span of an address, or the span of nobody (thread null, state kUnused) for foreign ones.
/// Addresses inside of the heap that belong to no block in use may give a free run.
inline Span* find_span(const void* address) {
  const uintptr_t offset =
      reinterpret_cast<uintptr_t>(address) - read_operand(address_map.range_begin);
  if (likely(offset < read_operand(address_map.range_bytes))) {
    return span_in_place(read_relaxed(read_operand(address_map.range_pages)[offset >> 12]));
  }
  return span_in_place(read_page(find_segment_page(reinterpret_cast<uintptr_t>(address))));
}

/// Page number of an address of the heap.
inline uint32_t page_of(const void* address) {
  const uintptr_t offset =
      reinterpret_cast<uintptr_t>(address) - read_operand(address_map.range_begin);
  return likely(offset < read_operand(address_map.range_bytes))
             ? static_cast<uint32_t>(offset >> 12)
             : find_segment_page(reinterpret_cast<uintptr_t>(address));
}

/// Writes the span's index for its first and last page (free runs, large blocks) or for every page.
void map_span_ends(const Span* span);
void map_span_pages(const Span* span);

/// The pages belong to nobody until they are mapped again.
void unmap_span_pages(const Span* span);

}  // namespace heaptag::heap
