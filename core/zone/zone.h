// A zone: memory for OSMalloc, or for MALLOC, in elements of a few sizes, each with a record beside
// the heap that says whose it is, how much was asked for, and who freed it. Lists of free elements
// are lock-free: whoever must not wait gets one of them, or one out of the pool of slabs that were
// made before, or nothing. Layer: core/zone.  errno: never touched.
#pragma once

#include "core/allocator/checked_span.h"
#include "core/zone/account.h"
#include "core/zone/bucket.h"
#include "core/zone/lock_free_list.h"

namespace heaptag::zone {

using allocator::BlockRecord;
using allocator::CheckedBlock;
using allocator::Span;

struct RecordLink {
  static BlockRecord* next(const BlockRecord* record) {
    return reinterpret_cast<BlockRecord*>(read_relaxed(record->link) & BlockRecord::kAddressMask);
  }

  static void set_next(BlockRecord* record, const BlockRecord* next) {
    write_relaxed(record->link,
                  (record->link & ~BlockRecord::kAddressMask) | reinterpret_cast<uintptr_t>(next));
  }
};

struct SpanLink {
  static Span* next(const Span* span) { return read_relaxed(span->next); }

  static void set_next(Span* span, Span* next) { write_relaxed(span->next, next); }
};

struct Zone {
  const char* name;
  const BucketSizes* sizes;
  uint8_t span_flag;
  bool is_wired;         // its slabs are locked in memory, as far as the kernel allows it
  bool seals_last_word;  // with kmem_debug the last word of a freed element says who freed it
  size_t pool_bytes;     // set before the first call
  bool is_ready;         // the pool was made, as far as there was memory

  LockFreeList<BlockRecord, RecordLink> free[kMaxBuckets];
  LockFreeList<Span, SpanLink> pool;  // slabs of no bucket
  uint64_t pool_slabs;
  uint64_t slabs_in_pool;
  uint64_t trim_at[kMaxBuckets];  // bytes of free elements that are worth a look
  // Blocks with pages of their own that went back last: nothing else is left of them.
  static constexpr unsigned kFreedLarge = 32;
  void* freed_large[kFreedLarge];
  uint32_t freed_large_count;
  wire::ZoneRecord* record;
  wire::BucketRecord buckets[kMaxBuckets];
};

inline constexpr unsigned kZones = 2;

extern constinit Zone zones[kZones];

/// For readers outside of the process: as many as there are zones.
const wire::ZoneRecord* zone_records();

inline Zone& osmalloc_zone() {
  return zones[0];
}

inline Zone& mtype_zone() {
  return zones[1];
}

/// Makes the pool, once. False without memory for our own tables.
bool prepare(Zone* zone);

struct Request {
  size_t size;
  uintptr_t pc;  // of the caller: the site that is charged, beside the account's tag
  bool may_wait;
  bool own_pages = false;  // begins at a page, reads as zero, is not wired
  size_t at_least = 0;     // bytes that the element has
};

/// A block, charged to the account and the site. Null without memory, which is counted. If it must
/// not wait: no system call, no lock. Alignment: 16. Content: any.
void* allocate(Zone* zone, Account* account, const Request& request);

/// A request that failed before it came here. Returns null.
void* count_failure(Account* account, uintptr_t pc);

enum class What { kLive, kFreed, kInterior, kForeign };

struct Found {
  What what;
  CheckedBlock block;  // not of a foreign address
  size_t offset;       // of an interior one in its block
};

/// What an address is to the zone. Takes no lock.
Found find(const Zone& zone, const void* address);

/// Frees a live block that `find` has found. False when another thread was first. Waits for nobody,
/// unless `may_wait`.
bool release(Zone* zone, Account* account, const CheckedBlock& block, uintptr_t pc, bool may_wait);

/// What may be written there.
size_t usable_bytes(const CheckedBlock& block);

/// The tag of a block.
TagId tag_of(const CheckedBlock& block);

}  // namespace heaptag::zone
