#include "core/heap/address_map.h"

#include "core/meta/meta_allocator.h"
#include "core/os/vm.h"

namespace heaptag::heap {

namespace {

// What a free finds before the first allocation: nobody's page, nobody's span.
constinit uint32_t no_page = 0;
constinit Span no_span_yet{};

}  // namespace

constinit AddressMap address_map{0, 0, &no_page, &no_page, &no_span_yet};

namespace {

constexpr size_t kRangeSizes[] = {256 * kGiB, 64 * kGiB, 16 * kGiB, 4 * kGiB, 1 * kGiB};
constexpr size_t kSegmentPagesBesideRange = 16 * kMiB;  // 64 GiB
constexpr size_t kSegmentBytes = 1 * kMiB;              // unit and alignment
constexpr unsigned kSegmentShift = 20;
constexpr size_t kMostDistance = 512 * kMiB;
constexpr uint32_t kPagesPerSegmentUnit = kSegmentBytes / kSpanPageBytes;
constexpr uint32_t kMinGrowthPages = 256;
constexpr uint32_t kMaxGrowthPages = 4096;

// One entry per MiB of segment: open addressing, never removed. A full table is replaced by a
// larger copy; the old one stays for readers that still look at it.
struct SegmentEntry {
  uintptr_t chunk;  // address >> kSegmentShift; 0: empty
  uint64_t first_page;
};

struct SegmentTable {
  size_t mask;
  size_t used;
  SegmentEntry entries[];
};

struct Growth {
  meta::GrowingTable<uint32_t> range_table;
  meta::GrowingTable<uint32_t> segment_table;
  meta::GrowingTable<Span> spans;
  uint32_t span_count;
  Span* free_records;
  uint32_t frontier_page;     // next page number of the range
  uint32_t range_pages;       // pages of the range
  uint32_t segment_page;      // next page number for segments, without kSegmentPage
  uint32_t full_range_pages;  // as reserved in the beginning
  SegmentTable* segments;
};

constinit Growth growth{};

size_t hash_chunk(uintptr_t chunk) {
  return (chunk * 0x9E3779B97F4A7C15U) >> 32;
}

SegmentTable* make_segment_table(size_t capacity) {
  auto* table = static_cast<SegmentTable*>(
      meta::allocate(sizeof(SegmentTable) + capacity * sizeof(SegmentEntry)));
  if (table != nullptr) {
    table->mask = capacity - 1;
  }
  return table;
}

void insert_segment(SegmentTable* table, uintptr_t chunk, uint64_t first_page) {
  size_t at = hash_chunk(chunk) & table->mask;
  while (table->entries[at].chunk != 0) {
    at = (at + 1) & table->mask;
  }
  table->entries[at].first_page = first_page;
  __atomic_store_n(&table->entries[at].chunk, chunk, __ATOMIC_RELEASE);
  ++table->used;
}

bool make_room_for_segments(size_t more) {
  SegmentTable* old = growth.segments;
  if (old != nullptr && (old->used + more) * 2 <= old->mask + 1) {
    return true;
  }
  size_t capacity = old == nullptr ? 256 : (old->mask + 1) * 2;
  while (capacity < ((old == nullptr ? 0 : old->used) + more) * 2) {
    capacity *= 2;
  }
  SegmentTable* table = make_segment_table(capacity);
  if (table == nullptr) {
    return false;
  }
  if (old != nullptr) {
    for (size_t i = 0; i <= old->mask; ++i) {
      if (old->entries[i].chunk != 0) {
        insert_segment(table, old->entries[i].chunk, old->entries[i].first_page);
      }
    }
  }
  __atomic_store_n(&growth.segments, table, __ATOMIC_RELEASE);
  return true;
}

bool grow_range(uint32_t page_count, FreshPages* fresh) {
  const uint32_t left = growth.range_pages - growth.frontier_page;
  if (page_count > left) {
    return false;
  }
  uint32_t wanted = growth.frontier_page / 8;
  wanted = wanted < kMinGrowthPages ? kMinGrowthPages : wanted;
  wanted = wanted > kMaxGrowthPages ? kMaxGrowthPages : wanted;
  wanted = wanted < page_count ? page_count : wanted;
  wanted = wanted > left ? left : wanted;
  char* address = reinterpret_cast<char*>(address_map.range_begin) +
                  size_t{growth.frontier_page} * kSpanPageBytes;
  // One entry beyond: the page heap looks at the neighbour behind the last page.
  for (;;) {
    if (growth.range_table.grow_to(size_t{growth.frontier_page} + wanted + 1) &&
        os::commit(address, size_t{wanted} * kSpanPageBytes)) {
      break;
    }
    if (wanted == page_count) {
      return false;
    }
    wanted = page_count;
  }
  *fresh = {growth.frontier_page, wanted, address};
  growth.frontier_page += wanted;
  __atomic_store_n(&address_map.range_bytes, size_t{growth.frontier_page} * kSpanPageBytes,
                   __ATOMIC_RELEASE);
  return true;
}

char* at(uintptr_t address) {
  return reinterpret_cast<char*>(address);
}

// Segments are aligned to their size. Under a limit there may be no room for as much again.
char* map_aligned(size_t bytes) {
  char* raw = static_cast<char*>(os::map_pages(bytes));
  if (raw == nullptr || reinterpret_cast<uintptr_t>(raw) % kSegmentBytes == 0) {
    return raw;
  }
  // The kernel fills its space downwards: what lies below, or a little further, is free.
  os::unmap(raw, bytes);
  const uintptr_t below = reinterpret_cast<uintptr_t>(raw) & ~(kSegmentBytes - 1);
  for (size_t distance = 0; distance <= kMostDistance && distance < below;
       distance = distance * 2 + kSegmentBytes) {
    char* address = at(below - distance);
    if (os::reserve_at(address, bytes)) {
      if (os::commit(address, bytes)) {
        return address;
      }
      os::unmap(address, bytes);
      return nullptr;
    }
  }
  raw = static_cast<char*>(os::map_pages(bytes + kSegmentBytes - kSpanPageBytes));
  if (raw == nullptr) {
    return nullptr;
  }
  char* aligned = at(align_up(reinterpret_cast<uintptr_t>(raw), kSegmentBytes));
  char* raw_end = raw + bytes + kSegmentBytes - kSpanPageBytes;
  if (aligned > raw) {
    os::unmap(raw, static_cast<size_t>(aligned - raw));
  }
  if (raw_end > aligned + bytes) {
    os::unmap(aligned + bytes, static_cast<size_t>(raw_end - (aligned + bytes)));
  }
  return aligned;
}

bool grow_segments(uint32_t page_count, FreshPages* fresh) {
  const size_t bytes = align_up(size_t{page_count} * kSpanPageBytes, kSegmentBytes);
  const uint32_t pages = static_cast<uint32_t>(bytes / kSpanPageBytes);
  const uint32_t units = static_cast<uint32_t>(bytes / kSegmentBytes);
  // A page number of nobody between segments keeps the page heap from joining their runs.
  if (!growth.segment_table.grow_to(size_t{growth.segment_page} + pages + 2) ||
      !make_room_for_segments(units)) {
    return false;
  }
  char* base = map_aligned(bytes);
  if (base == nullptr) {
    return false;
  }
  const uint32_t first_page = (growth.segment_page + 1) | kSegmentPage;
  growth.segment_page += 1 + pages;
  for (uint32_t i = 0; i < units; ++i) {
    insert_segment(growth.segments, (reinterpret_cast<uintptr_t>(base) >> kSegmentShift) + i,
                   first_page + uint64_t{i} * kPagesPerSegmentUnit);
  }
  *fresh = {first_page, pages, base};
  return true;
}

}  // namespace

size_t pages_under_limit(size_t limit_bytes) {
  const size_t pages = limit_bytes / kSpanPageBytes;
  return pages < kSegmentPagesBesideRange ? pages + pages / 8 + 512 : kSegmentPagesBesideRange;
}

bool init_address_map() {
  const size_t limit = os::address_space_limit();
  void* range = reinterpret_cast<void*>(address_map.range_begin);
  size_t range_bytes = size_t{growth.range_pages} * kSpanPageBytes;
  // A reservation would count against a limit: then segments are taken when they are needed.
  for (size_t size_bytes : kRangeSizes) {
    if (limit == SIZE_MAX && range == nullptr) {
      range = os::reserve(size_bytes);
      range_bytes = range == nullptr ? 0 : size_bytes;
    }
  }
  // Kept when something below fails: the next attempt goes on from here.
  write_relaxed(address_map.range_begin, reinterpret_cast<uintptr_t>(range));
  growth.range_pages = static_cast<uint32_t>(range_bytes / kSpanPageBytes);
  const size_t segment_pages = pages_under_limit(limit);
  const size_t pages = growth.range_pages + segment_pages;
  const size_t records = pages > kMaxSpanRecords ? kMaxSpanRecords : pages;
  if (!growth.range_table.init(growth.range_pages + 1) || !growth.range_table.grow_to(1) ||
      !growth.segment_table.init(segment_pages) || !growth.segment_table.grow_to(1) ||
      !growth.spans.init(records) || !growth.spans.grow_to(1)) {
    return false;
  }
  growth.full_range_pages = growth.range_pages;
  write_relaxed(growth.span_count, 1);
  growth.frontier_page = 1;  // page number 0 is nobody's, in both tables
  growth.segment_page = 0;
  write_relaxed(address_map.range_pages, growth.range_table.data());
  write_relaxed(address_map.segment_pages, growth.segment_table.data());
  write_relaxed(address_map.spans, growth.spans.data());
  return true;
}

void trim_address_map(size_t limit_bytes) {
  if (growth.range_pages > growth.frontier_page) {
    char* unused = reinterpret_cast<char*>(address_map.range_begin) +
                   size_t{growth.frontier_page} * kSpanPageBytes;
    os::unmap(unused, size_t{growth.range_pages - growth.frontier_page} * kSpanPageBytes);
    growth.range_pages = growth.frontier_page;
    growth.range_table.trim_to(growth.frontier_page + 1);
  }
  const size_t more_pages = pages_under_limit(limit_bytes);
  growth.segment_table.trim_to(growth.segment_page + more_pages);
  growth.spans.trim_to(growth.span_count + more_pages);
}

void restore_address_map() {
  growth.segment_table.restore();
  growth.spans.restore();
  growth.range_table.restore();
  char* behind = reinterpret_cast<char*>(address_map.range_begin) +
                 size_t{growth.range_pages} * kSpanPageBytes;
  const uint32_t more = growth.full_range_pages - growth.range_pages;
  if (more != 0 && growth.range_table.capacity() > growth.full_range_pages &&
      os::reserve_at(behind, size_t{more} * kSpanPageBytes)) {
    growth.range_pages = growth.full_range_pages;
  }
}

bool grow_heap(uint32_t page_count, FreshPages* fresh) {
  return grow_range(page_count, fresh) || grow_segments(page_count, fresh);
}

Span* take_span_record() {
  if (growth.free_records != nullptr) {
    Span* span = growth.free_records;
    growth.free_records = span->next;
    clear_words(span);
    return span;
  }
  if (!growth.spans.grow_to(size_t{growth.span_count} + 1)) {
    return nullptr;
  }
  Span* span = growth.spans.data() + growth.span_count;
  __atomic_store_n(&growth.span_count, growth.span_count + 1, __ATOMIC_RELEASE);
  return span;
}

void give_span_record(Span* span) {
  clear_words(span);
  span->next = growth.free_records;
  growth.free_records = span;
}

void forget_free_records() {
  growth.free_records = nullptr;
}

uint32_t span_record_count() {
  return __atomic_load_n(&growth.span_count, __ATOMIC_ACQUIRE);
}

uint32_t find_segment_page(uintptr_t address) {
  const SegmentTable* table = __atomic_load_n(&growth.segments, __ATOMIC_ACQUIRE);
  if (table == nullptr) {
    return kSegmentPage;
  }
  const uintptr_t chunk = address >> kSegmentShift;
  for (size_t at = hash_chunk(chunk) & table->mask;; at = (at + 1) & table->mask) {
    const uintptr_t found = __atomic_load_n(&table->entries[at].chunk, __ATOMIC_ACQUIRE);
    if (found == chunk && chunk != 0) {
      return static_cast<uint32_t>(table->entries[at].first_page) +
             static_cast<uint32_t>((address & (kSegmentBytes - 1)) / kSpanPageBytes);
    }
    if (found == 0) {
      return kSegmentPage;
    }
  }
}

void map_span_ends(const Span* span) {
  const uint32_t first = page_of(span->base);
  __atomic_store_n(&page_entry(first), place_of_span(span), __ATOMIC_RELAXED);
  __atomic_store_n(&page_entry(first + span->page_count - 1), place_of_span(span),
                   __ATOMIC_RELAXED);
}

void map_span_pages(const Span* span) {
  const uint32_t first = page_of(span->base);
  for (uint32_t i = 0; i < span->page_count; ++i) {
    __atomic_store_n(&page_entry(first + i), place_of_span(span), __ATOMIC_RELAXED);
  }
}

void unmap_span_pages(const Span* span) {
  const uint32_t first = page_of(span->base);
  for (uint32_t i = 0; i < span->page_count; ++i) {
    __atomic_store_n(&page_entry(first + i), 0, __ATOMIC_RELAXED);
  }
}

}  // namespace heaptag::heap
