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

/// No addresses in what is there from the start: every process would pay for their relocation.
struct Zone {
  uint8_t span_flag;     // which of the two it is: kFlagOsmalloc, kFlagMtype
  bool is_wired;         // its memory is locked, as far as the kernel allows it
  bool seals_last_word;  // with kmem_debug the last word of a freed element says who freed it
  bool is_ready;         // the pool was made, as far as there was memory
  size_t pool_bytes;     // set before the first call

  // The bucket behind the last size is that of all that is larger.
  LockFreeList<BlockRecord, RecordLink> free[kMaxBuckets];
  wire::BucketRecord buckets[kMaxBuckets];
  uint64_t trim_after[kMaxBuckets];    // frees of the bucket before the next look
  LockFreeList<Span, SpanLink> pool;   // slabs of no bucket
  uint64_t pool_slabs;                 // in it
  uint64_t fill_after;                 // frees of all before the pool is filled again
  LockFreeList<Span, SpanLink> going;  // blocks with pages of their own that nobody could give back
  // Those that went back last: nothing else is left of them.
  static constexpr unsigned kFreedLarge = 32;
  void* freed_large[kFreedLarge];
  uint32_t freed_large_count;

  const BucketSizes& sizes() const {
    return span_flag == heap::kFlagOsmalloc ? kOsmallocBuckets : kMtypeBuckets;
  }

  wire::ZoneRecord* record() const;
};

inline constexpr unsigned kZones = 2;

extern constinit Zone zones[kZones];

inline Zone& osmalloc_zone() {
  return zones[0];
}

inline Zone& mtype_zone() {
  return zones[1];
}

/// For readers outside of the process: as many as there are zones.
const wire::ZoneRecord* zone_records();

/// Makes the pool, once. False without memory for our own tables.
bool prepare(Zone* zone);

struct Request {
  size_t size;
  uintptr_t pc;  // of the caller: the site that is charged, beside the account's tag
  bool may_wait;
  bool own_pages = false;  // begins at a page, reads as zero, is not wired
  size_t at_least = 0;     // bytes of the element, which then begins at a page and has no redzones
};

/// A block, charged to the account and the site. Null without memory, which is counted. If it must
/// not wait: no system call, no lock. Alignment: 16. Content: any.
void* allocate(Zone* zone, Account* account, const Request& request);

/// A request that failed before it came here. Returns null.
void* count_failure(Account* account, uintptr_t pc);

enum class What { kLive, kFreed, kInterior, kForeign };

struct Found {
  What what;
  CheckedBlock block;  // record null: a foreign address, or one of pages that have gone back
  size_t offset = 0;   // of an interior one in its block
  uint32_t life = 0;   // of the record when it was looked at
};

/// What an address is to the zone. Takes no lock.
Found find(const Zone& zone, const void* address);

/// Frees a live block that `find` has found. False when another thread was first. Elements of slabs
/// wait for nobody, unless `may_wait`; blocks with pages of their own take locks, but in a signal
/// handler that has interrupted us.
bool release(Zone* zone, Account* account, const Found& found, uintptr_t pc, bool may_wait);

/// What may be written there.
size_t usable_bytes(const CheckedBlock& block);

}  // namespace heaptag::zone
