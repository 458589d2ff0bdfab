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
#include "core/safety/settings.h"
#include "core/safety/stacks.h"
#include "core/zone/complaint.h"
#include "core/zone/last_word.h"
#include "core/zone/slabs.h"

namespace heaptag::zone {

using allocator::BlockState;
using safety::settings;

namespace {

// Page counts fit 32 bits, and sums of these do not overflow.
constexpr size_t kMostBytes = size_t{1} << 42;

static_assert(kMtypeBuckets.count < kMaxBuckets && kOsmallocBuckets.count < kMaxBuckets);

constinit wire::ZoneRecord records[kZones]{};

// Where a request lies in its element, and where that comes from.
struct Plan {
  size_t front;     // redzone before the user's first byte
  size_t bytes;     // of the element, or as many as its pages have to hold
  unsigned bucket;  // the last: larger than any
  bool has_pages;   // of its own
};

// What must not wait, and would not find room for redzones, has none.
bool has_redzones(const Request& request) {
  if (settings.redzone_bytes == 0 || request.own_pages || request.at_least != 0) {
    return false;
  }
  return request.may_wait ||
         safety::front_bytes() + request.size + settings.redzone_bytes <= kLargestSlabElement;
}

Plan plan_of(const Zone& zone, const Request& request) {
  const BucketSizes& sizes = zone.sizes();
  const size_t front = has_redzones(request) ? safety::front_bytes() : 0;
  const size_t wanted = request.size < request.at_least ? request.at_least : request.size;
  const size_t needed = front + wanted + (front == 0 ? 0 : settings.redzone_bytes);
  const unsigned bucket = request.own_pages ? sizes.count : bucket_of(sizes, needed);
  const bool has_bucket = bucket < sizes.count;
  const size_t bytes = has_bucket ? sizes.bytes[bucket] : needed;
  return {front, bytes, bucket, !has_bucket || bytes > kLargestSlabElement};
}

// Of a block with pages of its own: one of the larger buckets, or the last.
unsigned large_bucket(const BucketSizes& sizes, size_t bytes) {
  const unsigned bucket = bucket_of(sizes, bytes);
  const bool is_one =
      bucket < sizes.count && sizes.bytes[bucket] == bytes && bytes > kLargestSlabElement;
  return is_one ? bucket : sizes.count;
}

uint32_t thread_number() {
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
CheckedBlock take_element(Zone* zone, unsigned bucket, bool may_wait) {
  for (;;) {
    BlockRecord* record = zone->free[bucket].take();
    if (record != nullptr) {
      const CheckedBlock block = allocator::listed_block(record);
      const bool is_known = record->state() == BlockState::kWithdrawn;
      if (allocator::check_freed(block, safety::FoundWhen::kReuse, true)) {
        return block;
      }
      if (!is_known) {
        panic_about_corruption(*zone, block);
      }
    } else if (!(may_wait && carve_new(zone, bucket)) && !carve_from_pool(zone, bucket)) {
      return {};
    }
  }
}

CheckedBlock take_with_pages(Zone* zone, const Request& request, const Plan& plan) {
  if (!request.may_wait) {
    return {};
  }
  const allocator::QuietScope quiet;
  give_going(zone);
  Span* span =
      take_large(zone, plan.bytes, request.size, plan.front, zone->is_wired && !request.own_pages);
  if (span == nullptr) {
    return {};
  }
  if (request.own_pages && (span->flags & heap::kFlagZeroed) == 0) {
    std::memset(span->base, 0, span->size_bytes());
  }
  return allocator::block_at(span, 0);
}

CheckedBlock take(Zone* zone, const Request& request, const Plan& plan) {
  if (request.may_wait) {
    fill_pool_if_due(zone);
  }
  CheckedBlock block = plan.has_pages ? take_with_pages(zone, request, plan)
                                      : take_element(zone, plan.bucket, request.may_wait);
  block.front = plan.front;
  block.requested = request.size;
  return block;
}

void hand_out(const CheckedBlock& block,
              const Request& request,
              const Account& account,
              OwnerId owner) {
  BlockRecord* record = block.record;
  record->change_state(BlockState::kChanging);
  record->owner = index_of(owner);
  record->freed_at = account.number;
  record->requested = static_cast<uint32_t>(request.size);
  record->set_allocation(block.base, block.front, safety::Family::kAny);
  record->link = BlockRecord::with_thread(0, thread_number());
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
  if (zone.span_flag == heap::kFlagOsmalloc) {
    return block.requested;  // OSMalloc tells how much of it may be used
  }
  const BucketSizes& sizes = zone.sizes();
  const unsigned bucket = bucket_of(sizes, block.requested);
  return bucket < sizes.count ? sizes.bytes[bucket] : block.bytes;
}

void* fail(Zone* zone, Account* account, unsigned bucket, const Request& request) {
  if (request.may_wait) {
    add(account->figures.memory_waits);
  }
  add(zone->buckets[bucket].failed);
  return count_failure(account, request.pc);
}

bool was_freed_lately(const Zone& zone, const void* address) {
  for (const void* freed : zone.freed_large) {
    if (read_relaxed(freed) == address) {
      return address != nullptr;
    }
  }
  return false;
}

// Of two threads that free it at the same moment, one goes on; whoever verifies meanwhile, in a
// forked child perhaps, looks away.
bool claim(BlockRecord* record, uint32_t life) {
  return BlockState{life & BlockRecord::kStateMask} == BlockState::kLive &&
         __atomic_compare_exchange_n(&record->life, &life,
                                     BlockRecord::next_life(life, BlockState::kChanging), false,
                                     __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

void seal(const Zone& zone, const CheckedBlock& block, uintptr_t pc) {
  if (!settings.kmem_debug || block.bytes > kLargestHeldBytes) {
    return block.record->set(BlockRecord::kUnsealed);
  }
  if (zone.seals_last_word) {
    write_last_word(block, pc);
  }
  safety::seal(block);
}

void note_release(BlockRecord* record, uintptr_t pc, bool may_wait) {
  record->freed_stack = stack_if(may_wait);
  record->release = BlockRecord::with_thread(pc, thread_number());
  record->freed_ms = os::short_ms();
}

void put_back(Zone* zone, Span* span, const CheckedBlock& block, bool may_wait) {
  if (!allocator::is_large(span)) {
    const unsigned bucket = span->size_class;
    add(zone->buckets[bucket].frees);
    zone->free[bucket].put(block.record);
    if (may_wait) {
      trim_if_due(zone, bucket);
    }
    return;
  }
  const unsigned bucket = large_bucket(zone->sizes(), block.bytes);
  add(zone->buckets[bucket].frees);
  subtract(zone->buckets[bucket].total, 1);
  if (bucket == zone->sizes().count) {
    subtract(zone->record()->large_bytes, block.bytes);
  }
  const uint32_t turn = __atomic_fetch_add(&zone->freed_large_count, 1U, __ATOMIC_RELAXED);
  write_relaxed(zone->freed_large[turn % Zone::kFreedLarge], block.user());
  give_large(zone, span);
}

constexpr Zone make_osmalloc_zone() {
  Zone zone{};
  zone.span_flag = heap::kFlagOsmalloc;
  zone.is_wired = true;
  zone.pool_bytes = kMiB;
  return zone;
}

constexpr Zone make_mtype_zone() {
  Zone zone{};
  zone.span_flag = heap::kFlagMtype;
  zone.seals_last_word = true;
  zone.pool_bytes = 4 * kMiB;
  return zone;
}

}  // namespace

constinit Zone zones[kZones] = {make_osmalloc_zone(), make_mtype_zone()};

wire::ZoneRecord* Zone::record() const {
  return &records[this - zones];
}

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
  const BucketSizes& sizes = zone->sizes();
  for (unsigned i = 0; i < sizes.count; ++i) {
    write_relaxed(zone->buckets[i].element_bytes, uint64_t{sizes.bytes[i]});
    write_relaxed(zone->buckets[i].high_water, kLeastFreeBytes / sizes.bytes[i]);
  }
  wire::ZoneRecord* record = zone->record();
  record->name =
      reinterpret_cast<uintptr_t>(zone->span_flag == heap::kFlagOsmalloc ? "osmalloc" : "mtype");
  record->buckets = reinterpret_cast<uintptr_t>(zone->buckets);
  write_relaxed(record->bucket_count, uint64_t{sizes.count});
  fill_pool_if_due(zone);
  __atomic_store_n(&zone->is_ready, true, __ATOMIC_RELEASE);
  return true;
}

void* allocate(Zone* zone, Account* account, const Request& request) {
  if (request.size > kMostBytes) {
    return fail(zone, account, zone->sizes().count, request);
  }
  const Plan plan = plan_of(*zone, request);
  const OwnerId owner = owner_of(*account, request.pc, request.may_wait);
  const CheckedBlock block = take(zone, request, plan);
  if (unlikely(block.record == nullptr)) {
    return fail(zone, account, plan.bucket, request);
  }
  hand_out(block, request, *account, owner);
  add(zone->buckets[plan.bucket].requests);
  const Span* span = heap::find_span(block.base);
  if (plan.has_pages) {
    add(zone->buckets[plan.bucket].total);
    if (plan.bucket == zone->sizes().count) {
      add(zone->record()->large_bytes, block.bytes);
    }
  }
  if (zone->is_wired && !request.own_pages && (span->flags & heap::kFlagWired) == 0) {
    add(account->figures.wire_failures);
  }
  count_in(account, plan.bucket, request.size, accounted_bytes(*zone, block));
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
    return {was_freed_lately(zone, address) ? What::kFreed : What::kForeign, {}};
  }
  const auto at = reinterpret_cast<uintptr_t>(address);
  const CheckedBlock block = allocator::find_block(span, at);
  const uint32_t life =
      block.record == nullptr ? 0 : __atomic_load_n(&block.record->life, __ATOMIC_ACQUIRE);
  const BlockState state{life & BlockRecord::kStateMask};
  if (state == BlockState::kUnused) {
    return {What::kForeign, {}};
  }
  const auto offset = static_cast<size_t>(at - reinterpret_cast<uintptr_t>(block.user()));
  if (offset != 0) {
    return {What::kInterior, block, offset, life};
  }
  return {state == BlockState::kLive ? What::kLive : What::kFreed, block, 0, life};
}

bool release(Zone* zone, Account* account, const Found& found, uintptr_t pc, bool may_wait) {
  const CheckedBlock& block = found.block;
  if (block.front != 0) {
    allocator::check_redzones(block, safety::FoundWhen::kFree);
  }
  if (!claim(block.record, found.life)) {
    return false;
  }
  const OwnerId owner{block.record->owner};
  Span* span = heap::find_span(block.base);
  seal(*zone, block, pc);
  note_release(block.record, pc, may_wait);
  block.record->change_state(BlockState::kFreed);
  count_out(account, block.requested, accounted_bytes(*zone, block));
  allocator::count_free_without_state(owner, block.requested, block.bytes, block.requested);
  put_back(zone, span, block, may_wait);
  return true;
}

size_t usable_bytes(const CheckedBlock& block) {
  return block.front != 0 ? block.requested : block.bytes;
}

}  // namespace heaptag::zone
