// The tables that hold every figure, laid out for a reader outside of the process.
//
// One writer per word (a thread, or the holder of a lock), plain 64-bit stores. Counters only grow:
// live = allocated - freed, and a reader reads all freed words before any allocated one. Figures
// never move from one table to another. Layer: core/wire.  Any change of a size or an offset bumps
// kTablesVersion.
#pragma once

#include "core/base/types.h"

namespace heaptag::wire {

inline constexpr uint32_t kTablesVersion = 6;
inline constexpr uint32_t kOwnersPerChunk = 64;
inline constexpr uint32_t kOverflowOwner = 1;  // whom sites beyond the capacity are charged to
inline constexpr uint32_t kVariedSizes = UINT16_MAX;  // BinRecord::requested_bytes

/// What one thread did for one owner. Blocks of its bins for that owner alone are counted in the
/// bin instead when it allocates or frees them (BinRecord).
struct OwnerCounters {
  uint64_t allocations;
  uint64_t frees;
  uint64_t allocated_bytes;   // requested
  uint64_t freed_bytes;       // requested
  uint64_t allocated_usable;  // with rounding
  uint64_t freed_usable;
  uint64_t failed;
  uint64_t own_bins;  // this thread has spans for this owner alone
};

/// One (tag, call site) pair. Append-only; written under the owner table's lock.
struct OwnerRecord {
  uint64_t site;  // return address
  uint64_t
      offset;  // ELF virtual address of (return address - 1); the address itself without a module
  uint32_t module;
  uint32_t tag;  // TagRecord; 0: the site is its own tag
  uint64_t peak_live_bytes;
  uint64_t at_peak_bytes;
  uint64_t scratch[2];    // of the holder of the peak lock
  uint64_t size_classes;  // a bit for each that it has asked for
};

enum class TagOrigin : uint32_t { kRule = 1, kApi, kOsmalloc, kMtype, kArea };

/// In the words of the reports.
constexpr const char* origin_name(TagOrigin origin) {
  constexpr const char* kNames[] = {"site", "rule", "api", "osmalloc", "mtype", "area"};
  const auto index = static_cast<uint32_t>(origin);
  return index < sizeof(kNames) / sizeof(kNames[0]) ? kNames[index] : kNames[0];
}

/// A named tag. Append-only.
struct TagRecord {
  uint64_t name;  // address of a NUL-terminated string
  TagOrigin origin;
  uint32_t reserved;
  uint64_t peak_live_bytes;
  uint64_t scratch;  // of the holder of the peak lock
  uint64_t account;  // address of the AccountRecord of an OSMalloc tag or a type; 0: none
};

/// What OSMalloc and MALLOC count for a tag or a type beside the figures of its owners. Any thread,
/// atomically.
struct AccountRecord {
  uint64_t allocations;
  uint64_t frees;
  uint64_t live_bytes;       // requested
  uint64_t live_usable;      // with rounding
  uint64_t allocated_bytes;  // requested
  uint64_t most_usable;      // the highest that live_usable has been
  uint64_t limit_bytes;      // of live_usable; 0: none
  uint64_t limit_waits;      // calls that have waited at the limit
  uint64_t memory_waits;     // calls that might wait, and found no memory
  uint64_t failed;
  uint64_t sizes;          // a bit for each bucket that was asked for
  uint64_t wire_failures;  // blocks that could not be locked
};

/// Elements of one size in a zone.
struct BucketRecord {
  uint64_t element_bytes;
  uint64_t total;       // elements that there are, free ones included
  uint64_t requests;    // that were granted
  uint64_t frees;       //
  uint64_t failed;      // requests that were not
  uint64_t could_free;  // frees of an element when more were free than are kept
  uint64_t high_water;  // free elements that are kept
};

/// Where OSMalloc, or MALLOC, takes its memory from.
struct ZoneRecord {
  uint64_t name;     // address of a NUL-terminated string
  uint64_t buckets;  // BucketRecord[]
  uint64_t bucket_count;
  uint64_t large_bytes;  // in use beyond the largest bucket
};

/// A rule of HEAPTAG_TAGS. Written before main.
struct RuleRecord {
  uint64_t name;           // addresses of NUL-terminated strings
  uint64_t text;           //
  uint64_t matched_sites;  // owners that were made by it
};

/// One loaded ELF object. Append-only.
struct ModuleRecord {
  uint64_t base;  // load bias
  uint64_t begin;
  uint64_t end;
  uint64_t path;         // address of a NUL-terminated string
  uint64_t loaded_at;    // ns since the epoch: when the first call from it was seen
  uint64_t unloaded_at;  // 0: still there as far as we know
  uint32_t build_id_bytes;
  uint8_t build_id[20];
};

/// The head of what one thread (or its successor) owns. Never freed.
struct ThreadRecord {
  uint64_t next;  // address of the next record
  uint32_t id;
  uint32_t phase;            // ThreadPhase of core/allocator
  uint64_t bins;             // address of the first BinChunk
  uint64_t counters;         // address of an array of addresses of OwnerCounters[kOwnersPerChunk]
  uint64_t counters_chunks;  // entries in that array; an entry may be 0
  uint64_t reallocations;
  uint64_t foreign_frees;
  int64_t live_bytes;  // for the peak, beside what own bins hold; may be negative
};

/// Where the blocks of one size class come from that a thread allocates for one owner. Only the
/// words that a reader may use are named. Never freed, and always of the same owner.
///
/// Requested bytes are counted after the allocation and before the free that they belong to, and
/// read the other way round, frees before their bytes and bytes before the allocations: there are
/// never more of them than the blocks hold.
struct BinRecord {
  uint64_t free_list;
  uint64_t allocated_bytes;  // requested, if kVariedSizes; else 0
  uint64_t allocations;      // by its thread
  uint64_t frees;            // by its thread
  uint64_t freed_bytes;
  int64_t bound;
  uint32_t owner;  // 0: blocks of several owners, counted in OwnerCounters
  uint16_t block_bytes;
  uint16_t requested_bytes;  // of each block, or kVariedSizes
  uint64_t rest[9];
};

/// What a program may write in such a block: the last byte of one whose size varies is ours.
constexpr uint32_t usable_bytes(uint32_t block_bytes, uint32_t requested_bytes) {
  return requested_bytes == kVariedSizes ? block_bytes - 1 : block_bytes;
}

/// What a bin counts of its owner.
constexpr OwnerCounters counters_of_bin(const BinRecord& bin) {
  const uint64_t usable = usable_bytes(bin.block_bytes, bin.requested_bytes);
  const bool is_varied = bin.requested_bytes == kVariedSizes;
  OwnerCounters part{};
  part.allocations = bin.allocations;
  part.frees = bin.frees;
  part.allocated_bytes = is_varied ? bin.allocated_bytes : bin.allocations * bin.requested_bytes;
  part.freed_bytes = is_varied ? bin.freed_bytes : bin.frees * bin.requested_bytes;
  part.allocated_usable = bin.allocations * usable;
  part.freed_usable = bin.frees * usable;
  return part;
}

inline constexpr unsigned kBinsPerChunk = 15;

/// A part of a thread's bins, in no order; those that are not in use have no owner.
struct BinChunk {
  uint64_t next;  // address of the next chunk
  uint64_t reserved[15];
  BinRecord bins[kBinsPerChunk];
};

static_assert(sizeof(OwnerCounters) == 64);
static_assert(sizeof(OwnerRecord) == 64);
static_assert(sizeof(TagRecord) == 40);
static_assert(sizeof(AccountRecord) == 96);
static_assert(sizeof(BucketRecord) == 56);
static_assert(sizeof(ZoneRecord) == 32);
static_assert(sizeof(RuleRecord) == 24);
static_assert(sizeof(ModuleRecord) == 72);
static_assert(sizeof(ThreadRecord) == 64);
static_assert(sizeof(BinRecord) == 128);
static_assert(sizeof(BinChunk) == 2048);

/// The highest sum of live bytes that was seen. Written under the peak's lock.
struct PeakRecord {
  uint64_t live_bytes;
  uint64_t watermark_bytes;  // a sum above this would have been looked at
  uint64_t at_ns;            // CLOCK_MONOTONIC
};

/// The one exported data symbol, `heaptag_descriptor`: where everything is. All are addresses in
/// the process; counts are read through their addresses, because tables grow.
struct Descriptor {
  char magic[8];  // "HEAPTAG"
  uint32_t tables_version;
  uint32_t descriptor_bytes;
  uint64_t pid;             // of the process that filled it in; a forked child writes its own
  uint64_t start_ns;        // CLOCK_REALTIME
  uint64_t owners;          // OwnerRecord[]; entry 0 is unused
  uint64_t owner_count;     // uint32_t
  uint64_t modules;         // ModuleRecord[]; entry 0 is unused
  uint64_t module_count;    // uint32_t
  uint64_t threads;         // address of the first ThreadRecord
  uint64_t peak;            // PeakRecord
  uint64_t metadata_bytes;  // uint64_t
  uint32_t owner_stride;
  uint32_t module_stride;
  uint32_t counters_stride;
  uint32_t bin_chunk_bytes;
  uint64_t threads_ever;     // uint32_t
  uint64_t used_pages;       // uint32_t: pages in use
  uint64_t dirty_pages;      // uint32_t: free, resident
  uint32_t span_page_bytes;  // of one of them
  uint32_t lost_offset;      // in a thread's record: OwnerCounters of kOverflowOwner
  uint32_t unseen_offset;    // in a thread's record: uint64_t, bytes that its peak may miss
  uint32_t unseen_bytes;     // that it may miss beyond
  uint64_t tags;             // TagRecord[]; entry 0 is unused
  uint64_t tag_count;        // uint32_t
  uint64_t rules;            // address of the address of RuleRecord[]; 0 there: no rules
  uint64_t rule_count;       // uint32_t
  uint64_t zones;            // ZoneRecord[]
  uint64_t zone_count;       // as it is: there are always as many
  uint64_t outside_bytes;    // uint64_t: usable bytes in no page of the heap
};

inline constexpr char kMagic[8] = {'H', 'E', 'A', 'P', 'T', 'A', 'G', 0};

}  // namespace heaptag::wire
