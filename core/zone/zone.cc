#include "core/zone/zone.h"

#include <cstring>

#include "core/allocator/checked_verify.h"
#include "core/allocator/deferred.h"
#include "core/allocator/stray.h"
#include "core/allocator/threads.h"
#include "core/base/units.h"
#include "core/heap/address_map.h"
#include "core/os/clock.h"
#include "core/safety/block_check.h"
#include "core/safety/checksum.h"
#include "core/safety/settings.h"
#include "core/safety/stacks.h"
#include "core/tag/owners.h"
#include "core/zone/complaint.h"
#include "core/zone/last_word.h"
#include "core/zone/slabs.h"

namespace heaptag::zone {

using allocator::BlockState;
using safety::settings;

namespace {

// The kernel's page counts fit 32 bits, and so do the sizes that records keep of small blocks.
constexpr size_t kMostBytes = size_t{1} << 42;

constinit wire::ZoneRecord records[kZones]{};

// What must not wait, and would not find room for redzones, has none.
bool has_redzones(const Request& request) {
  return settings.redzone_bytes != 0 && !request.own_pages &&
         (request.may_wait ||
          safety::front_bytes() + request.size + settings.redzone_bytes <= kLargestSlabElement);
}

// That of a block with pages of its own: one of the larger buckets, or the last of all, which has
// no size.
unsigned large_bucket(const BucketSizes& sizes, size_t bytes) {
  const unsigned bucket = bucket_of(sizes, bytes);
  const bool is_one =
      bucket < sizes.count && sizes.bytes[bucket] == bytes && bytes > kLargestSlabElement;
  return is_one ? bucket : sizes.count;
}

uint64_t thread_number() {
  return allocator::tls_state->record.id;
}

safety::StackId stack_if(bool may_wait) {
  if (!may_wait || settings.stack_depth <= 1) {
    return 0;
  }
  const allocator::QuietScope quiet;
  return safety::current_stack(settings.stack_depth);
}

// An element that may be handed out; those that were changed since they were freed are withdrawn.
CheckedBlock take_element(Zone* zone, Account* account, unsigned bucket, bool may_wait) {
  for (;;) {
    BlockRecord* record = zone->free[bucket].pop();
    if (record != nullptr) {
      const CheckedBlock block = allocator::listed_block(record);
      const bool is_known = record->state() == BlockState::kWithdrawn;
      if (allocator::check_freed(block, safety::FoundWhen::kReuse, true)) {
        return block;
      }
      if (!is_known) {
        panic_about_corruption(*zone, block);
      }
      continue;
    }
    if (may_wait) {
      const allocator::QuietScope quiet;
      if (carve_new(zone, account, bucket)) {
        fill_pool(zone);
        continue;
      }
    }
    if (!carve_from_pool(zone, bucket)) {
      return {};
    }
  }
}

CheckedBlock take_with_pages(
    Zone* zone, Account* account, const Request& request, size_t bytes, size_t front) {
  if (!request.may_wait || bytes > kMostBytes) {
    return {};
  }
  const allocator::QuietScope quiet;
  Span* span =
      take_large(zone, account, bytes, request.size, front, zone->is_wired && !request.own_pages);
  if (span == nullptr) {
    return {};
  }
  if (request.own_pages && (span->flags & heap::kFlagZeroed) == 0) {
    std::memset(span->base, 0, span->size_bytes());
  }
  return allocator::block_at(span, 0);
}

void hand_out(const CheckedBlock& block, const Request& request, OwnerId owner) {
  BlockRecord* record = block.record;
  record->change_state(BlockState::kChanging);
  record->owner = index_of(owner);
  record->requested = static_cast<uint32_t>(request.size);
  record->set_allocation(block.front, safety::Family::kAny);
  record->link = BlockRecord::with_thread(0, static_cast<uint32_t>(thread_number()));
  record->allocated_ms = os::short_ms();
  record->allocated_stack = stack_if(request.may_wait);
  if (block.front != 0) {
    safety::fill_redzones(block);
  } else {
    record->set(BlockRecord::kTold);  // there are none
  }
  record->change_state(BlockState::kLive);
}

// As if there were no redzones.
size_t accounted_bytes(const Zone& zone, const CheckedBlock& block) {
  if (block.front == 0) {
    return block.bytes;
  }
  if (!zone.seals_last_word) {
    return block.requested;  // OSMalloc tells how much of it may be used
  }
  const unsigned bucket = bucket_of(*zone.sizes, block.requested);
  return bucket < zone.sizes->count ? zone.sizes->bytes[bucket] : block.bytes;
}

void* fail(Zone* zone, Account* account, unsigned bucket, OwnerId owner, bool may_wait) {
  add(account->figures.failed);
  allocator::count_shared_failure(owner);
  if (may_wait) {
    add(account->figures.memory_waits);
  }
  add(zone->buckets[bucket].failed);
  return nullptr;
}

void seal(const Zone& zone, const CheckedBlock& block, uintptr_t pc) {
  constexpr size_t kLargestHeldBytes = 16 * kMiB;
  if (!settings.kmem_debug || block.bytes > kLargestHeldBytes) {
    return block.record->set(BlockRecord::kUnsealed);
  }
  if (zone.seals_last_word) {
    write_last_word(block, pc);
  }
  safety::seal(block);
}

bool was_freed_lately(const Zone& zone, const void* address) {
  for (const void* freed : zone.freed_large) {
    if (freed == address) {
      return address != nullptr;
    }
  }
  return false;
}

bool become_freed(BlockRecord* record) {
  uint32_t life = read_relaxed(record->life);
  return BlockState{life & BlockRecord::kStateMask} == BlockState::kLive &&
         __atomic_compare_exchange_n(&record->life, &life,
                                     BlockRecord::next_life(life, BlockState::kFreed), false,
                                     __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

constexpr Zone make_osmalloc_zone() {
  Zone zone{};
  zone.name = "osmalloc";
  zone.sizes = &kOsmallocBuckets;
  zone.span_flag = heap::kFlagOsmalloc;
  zone.is_wired = true;
  zone.pool_bytes = kMiB;
  zone.record = &records[0];
  return zone;
}

constexpr Zone make_mtype_zone() {
  Zone zone{};
  zone.name = "mtype";
  zone.sizes = &kMtypeBuckets;
  zone.span_flag = heap::kFlagMtype;
  zone.seals_last_word = true;
  zone.pool_bytes = 4 * kMiB;
  zone.record = &records[1];
  return zone;
}

}  // namespace

constinit Zone zones[kZones] = {make_osmalloc_zone(), make_mtype_zone()};

const wire::ZoneRecord* zone_records() {
  return records;
}

bool prepare(Zone* zone) {
  if (likely(__atomic_load_n(&zone->is_ready, __ATOMIC_ACQUIRE))) {
    return true;
  }
  const allocator::QuietScope quiet;
  if (!allocator::prepare_heap()) {
    return false;
  }
  for (unsigned i = 0; i < zone->sizes->count; ++i) {
    write_relaxed(zone->buckets[i].element_bytes, uint64_t{zone->sizes->bytes[i]});
    write_relaxed(zone->buckets[i].high_water, 256 * kKiB / zone->sizes->bytes[i]);
  }
  zone->record->name = reinterpret_cast<uintptr_t>(zone->name);
  zone->record->buckets = reinterpret_cast<uintptr_t>(zone->buckets);
  write_relaxed(zone->record->bucket_count, uint64_t{zone->sizes->count});
  fill_pool(zone);
  __atomic_store_n(&zone->is_ready, true, __ATOMIC_RELEASE);
  return true;
}

void* allocate(Zone* zone, Account* account, const Request& request) {
  const size_t front = has_redzones(request) ? safety::front_bytes() : 0;
  const size_t wanted = request.size < request.at_least ? request.at_least : request.size;
  const size_t needed = front + wanted + (front == 0 ? 0 : settings.redzone_bytes);
  const unsigned bucket = request.own_pages ? zone->sizes->count : bucket_of(*zone->sizes, needed);
  const bool has_bucket = bucket < zone->sizes->count;
  const size_t bytes = has_bucket ? zone->sizes->bytes[bucket] : needed;
  const OwnerId owner = owner_of(*account, request.pc, request.may_wait);
  CheckedBlock block = bytes <= kLargestSlabElement && has_bucket
                           ? take_element(zone, account, bucket, request.may_wait)
                           : take_with_pages(zone, account, request, bytes, front);
  if (unlikely(block.record == nullptr)) {
    return fail(zone, account, bucket, owner, request.may_wait);
  }
  block.front = front;
  block.requested = request.size;
  hand_out(block, request, owner);
  add(zone->buckets[bucket].requests);
  if (allocator::is_large(heap::find_span(block.base))) {
    add(zone->buckets[bucket].total);
  }
  if (!has_bucket) {
    add(zone->record->large_bytes, block.bytes);
  }
  count_in(account, bucket, request.size, accounted_bytes(*zone, block));
  allocator::count_shared_allocation(owner, request.size, block.bytes, request.may_wait);
  return block.user();
}

void* count_failure(Account* account, uintptr_t pc) {
  add(account->figures.failed);
  allocator::count_shared_failure(owner_of(*account, pc, false));
  return nullptr;
}

Found find(const Zone& zone, const void* address) {
  const Span* span = heap::find_span(address);
  if (!allocator::is_checked(span) || (span->flags & zone.span_flag) == 0) {
    return {was_freed_lately(zone, address) ? What::kFreed : What::kForeign, {}, 0};
  }
  const auto at = reinterpret_cast<uintptr_t>(address);
  const CheckedBlock block = allocator::find_block(span, at);
  const BlockState state = block.record == nullptr ? BlockState::kUnused : block.record->state();
  if (state == BlockState::kUnused) {
    return {What::kForeign, {}, 0};
  }
  const auto offset = static_cast<size_t>(at - reinterpret_cast<uintptr_t>(block.user()));
  if (offset != 0) {
    return {What::kInterior, block, offset};
  }
  return {state == BlockState::kLive ? What::kLive : What::kFreed, block, 0};
}

bool release(Zone* zone, Account* account, const CheckedBlock& block, uintptr_t pc, bool may_wait) {
  Span* span = heap::find_span(block.base);
  if (block.front != 0) {
    allocator::check_redzones(block, safety::FoundWhen::kFree);
  }
  seal(*zone, block, pc);
  if (!become_freed(block.record)) {
    return false;
  }
  BlockRecord* record = block.record;
  const OwnerId owner{record->owner};
  record->freed_stack = stack_if(may_wait);
  record->release = BlockRecord::with_thread(pc, static_cast<uint32_t>(thread_number()));
  record->freed_ms = os::short_ms();
  const bool is_large = allocator::is_large(span);
  const unsigned bucket = is_large ? large_bucket(*zone->sizes, block.bytes) : span->size_class;
  const bool has_bucket = bucket < zone->sizes->count;
  add(zone->buckets[bucket].frees);
  if (!has_bucket) {
    subtract(zone->record->large_bytes, block.bytes);
  }
  count_out(account, block.requested, accounted_bytes(*zone, block));
  allocator::count_free_without_state(owner, block.requested, block.bytes);
  if (is_large) {
    subtract(zone->buckets[bucket].total, 1);
    const uint64_t turn = __atomic_fetch_add(&zone->freed_large_count, 1U, __ATOMIC_RELAXED);
    write_relaxed(zone->freed_large[turn % Zone::kFreedLarge], block.user());
    const allocator::QuietScope quiet;
    give_large(span);
    return true;
  }
  zone->free[bucket].push(record);
  if (may_wait) {
    trim_if_due(zone, bucket);
  }
  return true;
}

size_t usable_bytes(const CheckedBlock& block) {
  return block.front != 0 ? block.requested : block.bytes;
}

TagId tag_of(const CheckedBlock& block) {
  return TagId{tag::owners()[block.record->owner].tag};
}

}  // namespace heaptag::zone
