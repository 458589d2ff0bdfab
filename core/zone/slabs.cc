#include "core/zone/slabs.h"

#include <cstring>

#include "core/allocator/checked_store.h"
#include "core/allocator/checked_verify.h"
#include "core/allocator/deferred.h"
#include "core/base/units.h"
#include "core/heap/page_heap.h"
#include "core/meta/meta_allocator.h"
#include "core/os/vm.h"
#include "core/safety/settings.h"
#include "core/zone/wiring.h"

namespace heaptag::zone {

using heap::SpanState;

namespace {

constexpr uint32_t kPoolPages = 8;
constexpr uint16_t kOfPool = 1;  // what Span::requested_bytes says of such a slab
constexpr size_t kSlabBytes = kPoolPages * heap::kSpanPageBytes;

// Whoever carves a slab of the pool cannot ask for records: they are there already, as many as most
// sizes need.
constexpr uint32_t kPoolRecords = 512;

// Tables of records stay readable for whoever still looks at one that was on a list: smaller ones
// are never given back to the kernel.
constexpr uint32_t kMostRecords = 512;

// So much of a bucket may lie free, and as much again as is in use.
constexpr uint64_t kLeastFreeBytes = 256 * kKiB;

bool is_of_pool(const Span* span) {
  return span->requested_bytes == kOfPool;
}

uint32_t slab_pages(size_t element_bytes) {
  const size_t most = element_bytes * kMostRecords;
  const size_t bytes = most < kSlabBytes                ? most
                       : element_bytes * 4 < kSlabBytes ? kSlabBytes
                                                        : element_bytes * 4;
  return static_cast<uint32_t>((bytes + heap::kSpanPageBytes - 1) / heap::kSpanPageBytes);
}

uint32_t least(uint64_t a, uint32_t b) {
  return a < b ? static_cast<uint32_t>(a) : b;
}

size_t record_bytes(uint32_t count) {
  return count * sizeof(BlockRecord);
}

// Nobody else has the span. Its blocks were never handed out, whatever they were before.
void carve(Zone* zone, Span* span, unsigned bucket, uint32_t most_records) {
  const uint32_t element = zone->sizes->bytes[bucket];
  const uint32_t count = least(span->size_bytes() / element, most_records);
  span->block_bytes = static_cast<uint16_t>(element);
  span->inverse = static_cast<uint32_t>(((uint64_t{1} << 32) + element - 1) / element);
  span->size_class = static_cast<uint8_t>(bucket);
  span->capacity = count;
  span->linked = count;
  span->flags |= zone->span_flag;
  BlockRecord* records = allocator::records_of(span);
  for (uint32_t i = 0; i < count; ++i) {
    records[i].change_state(allocator::BlockState::kUnused);
    records[i].begin(span->base + size_t{i} * element);
    RecordLink::set_next(&records[i], i + 1 < count ? &records[i + 1] : nullptr);
  }
  __atomic_thread_fence(__ATOMIC_RELEASE);
  span->state = SpanState::kChecked;
  add(zone->buckets[bucket].total, count);
  zone->free[bucket].push(records, records + count - 1);
}

// Pages with room for records.
Span* make_slab_locked(uint32_t pages, uint32_t records) {
  Span* span = heap::allocate_run(pages);
  if (span == nullptr) {
    return nullptr;
  }
  span->words = static_cast<uint32_t*>(meta::allocate(record_bytes(records)));
  if (span->words == nullptr) {
    heap::release_run(span, true);
    return nullptr;
  }
  span->flags = 0;
  span->bin = nullptr;
  span->requested_bytes = 0;
  heap::map_span_pages(span);
  return span;
}

Span* make_pool_slab_locked() {
  Span* span = make_slab_locked(kPoolPages, kPoolRecords);
  if (span != nullptr) {
    span->requested_bytes = kOfPool;
    std::memset(span->base, 0, span->size_bytes());  // it is there from now on
  }
  return span;
}

void put_in_pool(Zone* zone, Span* span) {
  zone->pool.push(span);
  add(zone->slabs_in_pool);
}

// All elements of the slab are free, and nobody else can get at them.
void let_go(Zone* zone, Span* span) {
  allocator::verify_span(span, safety::FoundWhen::kEviction);
  if (!allocator::retire_checked_span(span)) {
    BlockRecord* records = allocator::records_of(span);
    return zone->free[span->size_class].push(records, records + span->capacity - 1);
  }
  subtract(zone->buckets[span->size_class].total, span->capacity);
  if (is_of_pool(span)) {
    return put_in_pool(zone, span);
  }
  unwire(span);
  const uint32_t records = span->capacity;
  meta::release(span->words, record_bytes(records));
  span->words = nullptr;
  span->flags = 0;
  heap::release_run(span, false);
}

// Splits a list of free elements: slabs that are free as a whole, linked by `next`, and the rest,
// which goes back. The elements of the former are linked again in the order of their slab.
Span* split(Zone* zone, unsigned bucket, BlockRecord* all) {
  for (BlockRecord* record = all; record != nullptr; record = RecordLink::next(record)) {
    heap::find_span(record->base())->used = 0;
  }
  for (BlockRecord* record = all; record != nullptr; record = RecordLink::next(record)) {
    ++heap::find_span(record->base())->used;
  }
  Span* whole = nullptr;
  BlockRecord* kept = nullptr;
  BlockRecord* last_kept = nullptr;
  for (BlockRecord* record = all; record != nullptr;) {
    BlockRecord* next = RecordLink::next(record);
    Span* span = heap::find_span(record->base());
    if (span->used < span->capacity) {
      RecordLink::set_next(record, kept);
      last_kept = kept == nullptr ? record : last_kept;
      kept = record;
    } else {
      const auto index = static_cast<uint32_t>(record - allocator::records_of(span));
      RecordLink::set_next(record, index + 1 < span->capacity ? record + 1 : nullptr);
      if (span->used == span->capacity) {
        span->used = UINT32_MAX;  // once
        span->next = whole;
        whole = span;
      }
    }
    record = next;
  }
  if (kept != nullptr) {
    zone->free[bucket].push(kept, last_kept);
  }
  return whole;
}

uint64_t free_elements(const wire::BucketRecord& bucket) {
  const uint64_t in_use = read_relaxed(bucket.requests) - read_relaxed(bucket.frees);
  const uint64_t total = read_relaxed(bucket.total);
  return total > in_use ? total - in_use : 0;
}

}  // namespace

void fill_pool(Zone* zone) {
  os::LockGuard guard(allocator::checked_spans_lock());
  const uint64_t wanted = zone->pool_bytes / kSlabBytes;
  for (; zone->pool_slabs < wanted; ++zone->pool_slabs) {
    Span* span = make_pool_slab_locked();
    if (span == nullptr) {
      return;
    }
    if (zone->is_wired) {
      wire(span, nullptr);
    }
    put_in_pool(zone, span);
  }
}

bool carve_from_pool(Zone* zone, unsigned bucket) {
  Span* span = zone->pool.pop();
  if (span == nullptr) {
    return false;
  }
  subtract(zone->slabs_in_pool, 1);
  carve(zone, span, bucket, kPoolRecords);
  return true;
}

bool carve_new(Zone* zone, Account* account, unsigned bucket) {
  Span* span = nullptr;
  {
    os::LockGuard guard(allocator::checked_spans_lock());
    if (!zone->free[bucket].is_empty()) {
      return true;  // somebody else has been here
    }
    const uint32_t pages = slab_pages(zone->sizes->bytes[bucket]);
    const uint32_t count =
        least(size_t{pages} * heap::kSpanPageBytes / zone->sizes->bytes[bucket], kMostRecords);
    span = make_slab_locked(pages, count);
  }
  if (span == nullptr) {
    return false;
  }
  if (zone->is_wired) {
    wire(span, account);
  }
  carve(zone, span, bucket, kMostRecords);
  return true;
}

void trim_if_due(Zone* zone, unsigned bucket) {
  wire::BucketRecord& counts = zone->buckets[bucket];
  const uint64_t free_count = free_elements(counts);
  if (unlikely(free_count > counts.high_water)) {
    add(counts.could_free);
  }
  const uint64_t free_bytes = free_count * counts.element_bytes;
  const uint64_t due = read_relaxed(zone->trim_at[bucket]);
  if (likely(free_bytes < (due == 0 ? 2 * kLeastFreeBytes : due))) {
    return;
  }
  const allocator::QuietScope quiet;
  write_relaxed(zone->trim_at[bucket], UINT64_MAX);  // one at a time
  Span* whole = nullptr;
  {
    os::LockGuard guard(allocator::checked_spans_lock());
    whole = split(zone, bucket, zone->free[bucket].take_all());
  }
  const uint64_t used_bytes =
      (read_relaxed(counts.requests) - read_relaxed(counts.frees)) * counts.element_bytes;
  uint64_t keep_bytes = kLeastFreeBytes + used_bytes;
  while (whole != nullptr) {
    Span* next = whole->next;
    whole->next = nullptr;
    if (keep_bytes >= whole->size_bytes() && !is_of_pool(whole)) {
      keep_bytes -= whole->size_bytes();
      BlockRecord* records = allocator::records_of(whole);
      zone->free[bucket].push(records, records + whole->capacity - 1);
    } else {
      let_go(zone, whole);
    }
    whole = next;
  }
  const uint64_t left_bytes = free_elements(counts) * counts.element_bytes;
  write_relaxed(zone->trim_at[bucket], left_bytes + 2 * kLeastFreeBytes + used_bytes);
}

Span* take_large(
    Zone* zone, Account* account, size_t bytes, size_t requested, size_t front, bool is_wired) {
  Span* span = allocator::take_large_checked(bytes, requested, 1, front);
  if (span == nullptr) {
    return nullptr;
  }
  span->flags |= zone->span_flag;
  if (is_wired) {
    wire(span, account);
  }
  return span;
}

void give_large(Span* span) {
  unwire(span);
  BlockRecord* record = allocator::records_of(span);
  constexpr size_t kLargestHeldBytes = 16 * kMiB;
  if (safety::settings.checks_blocks && span->size_bytes() <= kLargestHeldBytes) {
    allocator::put_large_checked(record);
  } else {
    allocator::give_large_checked(span);
  }
}

}  // namespace heaptag::zone
