#include "core/zone/slabs.h"

#include <cstring>

#include "core/allocator/checked_store.h"
#include "core/allocator/checked_verify.h"
#include "core/allocator/deferred.h"
#include "core/heap/page_heap.h"
#include "core/meta/meta_allocator.h"
#include "core/safety/settings.h"
#include "core/zone/complaint.h"
#include "core/zone/wiring.h"

namespace heaptag::zone {

using heap::SpanState;

namespace {

constexpr uint32_t kPoolPages = 8;
constexpr size_t kSlabBytes = kPoolPages * heap::kSpanPageBytes;

// Whoever carves a slab of the pool cannot ask for records: they are there already, as many as most
// sizes need. Tables of records stay readable for whoever still looks at one that was on a list:
// those of this size are never given back to the kernel.
constexpr uint32_t kMostRecords = 512;

// Without memory, or with slabs that are free in part only, it is no use to look again at once.
constexpr uint64_t kFreesBetweenLooks = 1024;

uint64_t frees_between_looks(uint64_t element_bytes) {
  const uint64_t frees = kLeastFreeBytes / element_bytes;
  return frees < kFreesBetweenLooks ? frees : kFreesBetweenLooks;
}

bool is_of_pool(const Span* span) {
  return span->requested_bytes == allocator::kOfPool;
}

uint32_t slab_pages(size_t element_bytes) {
  const size_t most = element_bytes * kMostRecords;
  const size_t bytes = most < kSlabBytes                ? most
                       : element_bytes * 4 < kSlabBytes ? kSlabBytes
                                                        : element_bytes * 4;
  return static_cast<uint32_t>((bytes + heap::kSpanPageBytes - 1) / heap::kSpanPageBytes);
}

uint32_t element_count(size_t slab_bytes, uint32_t element_bytes) {
  const size_t count = slab_bytes / element_bytes;
  return count < kMostRecords ? static_cast<uint32_t>(count) : kMostRecords;
}

size_t record_bytes(uint32_t count) {
  return count * sizeof(BlockRecord);
}

// Nobody else has the span. Its blocks were never handed out, whatever they were before.
void carve(Zone* zone, Span* span, unsigned bucket) {
  const uint32_t element = zone->sizes().bytes[bucket];
  const uint32_t count = element_count(span->size_bytes(), element);
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
  zone->free[bucket].put(records, records + count - 1);
}

// Pages with room for records.
Span* make_slab(const Zone& zone, uint32_t pages, uint32_t records) {
  Span* span = nullptr;
  {
    os::LockGuard guard(allocator::checked_spans_lock());
    span = heap::allocate_run(pages);
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
  }
  if (zone.is_wired) {
    wire(span);
  }
  return span;
}

void put_in_pool(Zone* zone, Span* span) {
  zone->pool.put(span);
  add(zone->pool_slabs);
}

void put_back(Zone* zone, Span* span) {
  BlockRecord* records = allocator::records_of(span);
  zone->free[span->size_class].put(records, records + span->capacity - 1);
}

void give_back(Span* span) {
  unwire(span);
  meta::release(span->words, record_bytes(span->capacity));
  span->words = nullptr;
  span->flags = 0;
  heap::release_run(span, false);
}

// All elements of the slab are free, and nobody else can get at them. A corrupted one is kept in
// *corrupted.
void let_go(Zone* zone, Span* span, CheckedBlock* corrupted) {
  if (allocator::verify_span(span, safety::FoundWhen::kEviction, true) != 0) {
    for (uint32_t i = 0; i < span->capacity; ++i) {
      const CheckedBlock block = allocator::block_at(span, i);
      if (block.record->state() == allocator::BlockState::kWithdrawn) {
        *corrupted = block;
      }
    }
    return put_back(zone, span);  // for whoever wants to look at it
  }
  if (!allocator::retire_checked_span(span)) {
    return put_back(zone, span);
  }
  subtract(zone->buckets[span->size_class].total, span->capacity);
  if (is_of_pool(span)) {
    put_in_pool(zone, span);
  } else {
    give_back(span);
  }
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
    zone->free[bucket].put(kept, last_kept);
  }
  return whole;
}

// Slabs that are free as a whole go, but for so many bytes of those that are not the pool's.
void trim(Zone* zone, unsigned bucket, uint64_t keep_bytes) {
  CheckedBlock corrupted{};
  {
    const allocator::QuietScope quiet;
    Span* whole = nullptr;
    {
      os::LockGuard guard(allocator::checked_spans_lock());
      whole = split(zone, bucket, zone->free[bucket].take_all());
    }
    while (whole != nullptr) {
      Span* next = whole->next;
      whole->next = nullptr;
      if (!is_of_pool(whole) && keep_bytes >= whole->size_bytes()) {
        keep_bytes -= whole->size_bytes();
        put_back(zone, whole);
      } else {
        let_go(zone, whole, &corrupted);
      }
      whole = next;
    }
  }
  if (corrupted.record != nullptr) {
    panic_about_corruption(*zone, corrupted);
  }
}

struct InUse {
  uint64_t used;
  uint64_t free;
};

InUse elements_of(const wire::BucketRecord& bucket) {
  const uint64_t frees = read_relaxed(bucket.frees);
  const uint64_t requests = read_relaxed(bucket.requests);
  const uint64_t used = requests > frees ? requests - frees : 0;
  const uint64_t total = read_relaxed(bucket.total);
  return {used, total > used ? total - used : 0};
}

uint64_t all_frees(const Zone& zone) {
  uint64_t sum = 0;
  for (const wire::BucketRecord& bucket : zone.buckets) {
    sum += read_relaxed(bucket.frees);
  }
  return sum;
}

}  // namespace

void fill_pool_if_due(Zone* zone) {
  const uint64_t wanted = zone->pool_bytes / kSlabBytes;
  if (likely(read_relaxed(zone->pool_slabs) * 2 >= wanted) ||
      (zone->is_ready && all_frees(*zone) < read_relaxed(zone->fill_after))) {
    return;
  }
  if (zone->is_ready) {
    write_relaxed(zone->fill_after, all_frees(*zone) + kFreesBetweenLooks);
    for (unsigned i = 0; i < zone->sizes().count; ++i) {
      if (!zone->free[i].is_empty()) {
        trim(zone, i, UINT64_MAX);
      }
    }
  }
  const allocator::QuietScope quiet;
  while (read_relaxed(zone->pool_slabs) < wanted) {
    Span* span = make_slab(*zone, kPoolPages, kMostRecords);
    if (span == nullptr) {
      return;
    }
    span->requested_bytes = allocator::kOfPool;
    std::memset(span->base, 0, span->size_bytes());  // it is there from now on
    put_in_pool(zone, span);
  }
}

bool carve_from_pool(Zone* zone, unsigned bucket) {
  Span* span = zone->pool.take();
  if (span == nullptr) {
    return false;
  }
  subtract(zone->pool_slabs, 1);
  carve(zone, span, bucket);
  return true;
}

bool carve_new(Zone* zone, unsigned bucket) {
  const allocator::QuietScope quiet;
  const uint32_t element = zone->sizes().bytes[bucket];
  const uint32_t pages = slab_pages(element);
  Span* span = make_slab(*zone, pages, element_count(pages * heap::kSpanPageBytes, element));
  if (span == nullptr) {
    return false;
  }
  carve(zone, span, bucket);
  return true;
}

void trim_if_due(Zone* zone, unsigned bucket) {
  wire::BucketRecord& counts = zone->buckets[bucket];
  const InUse elements = elements_of(counts);
  if (unlikely(elements.free > counts.high_water)) {
    add(counts.could_free);
  }
  const uint64_t used_bytes = elements.used * counts.element_bytes;
  const uint64_t frees = read_relaxed(counts.frees);
  if (likely(elements.free * counts.element_bytes < 2 * kLeastFreeBytes + used_bytes)) {
    return;
  }
  // When nothing is in use all slabs are free as a whole.
  if (elements.used != 0 && frees < read_relaxed(zone->trim_after[bucket])) {
    return;
  }
  trim(zone, bucket, kLeastFreeBytes + used_bytes);
  // A list of many is gone through as often as a part of it has been freed again.
  write_relaxed(zone->trim_after[bucket],
                frees + elements_of(counts).free / 4 + frees_between_looks(counts.element_bytes));
}

Span* take_large(Zone* zone, size_t bytes, size_t requested, size_t front, bool is_wired) {
  Span* span = allocator::take_large_checked(bytes, requested, 1, front);
  if (span == nullptr) {
    return nullptr;
  }
  span->flags |= zone->span_flag;
  if (is_wired) {
    wire(span);
  }
  return span;
}

void give_large(Zone* zone, Span* span) {
  if (!allocator::may_serve()) {
    return zone->going.put(span);
  }
  const allocator::QuietScope quiet;
  unwire(span);
  if (safety::settings.checks_blocks && span->size_bytes() <= kLargestHeldBytes) {
    allocator::put_large_checked(allocator::records_of(span));
  } else {
    allocator::give_large_checked(span);
  }
}

void give_going(Zone* zone) {
  while (Span* span = zone->going.take()) {
    span->next = nullptr;
    unwire(span);
    allocator::give_large_checked(span);
  }
}

}  // namespace heaptag::zone
