// What lies in the memory of an area pool: a header, and behind it blocks without a gap, each with
// a tag. Offsets alone, so that processes may map it wherever they like; units are 16 bytes.
// Layer: core/area_pools.
//
// Anybody who shares the area may write anywhere in it, by mistake. So every tag carries a check of
// itself, of where it lies and of the pool's key, and nothing is followed before it was checked.
//
// Somebody may be killed between any two instructions. So a change of tags and figures is written
// to the journal first; whoever finds it there makes the change. The lists of free blocks are not
// worth that: they are made anew from the tags.
#pragma once

#include "core/base/types.h"
#include "core/os/shared_lock.h"

namespace heaptag::area_pools {

inline constexpr size_t kUnitBytes = 16;
inline constexpr size_t kTagUnits = 1;
inline constexpr size_t kMinBlockUnits = 2;  // a tag, and links while it is free

/// Where something lies, in units from the pool's first byte. 0, the header, stands for "nothing".
using Unit = uint32_t;

enum class BlockState : uint8_t {
  kNone,
  kFree,
  kUsed,
  kAbsorbed,  // no block: here began one that was freed and joined to another
};

struct BlockTag {
  uint32_t units;    // of the block, this tag included
  uint32_t before;   // of the block before; 0: this one is the first
  BlockState state;  // uint8_t
  uint8_t slack;     // bytes at its end that nobody has asked for
  uint16_t spare;
  uint32_t check;
};

static_assert(sizeof(BlockTag) == kUnitBytes);

/// In a free block, behind the tag.
struct FreeLinks {
  Unit next;
  Unit previous;
};

/// What a pool has handed out and taken back. Never shrinks.
struct PoolFigures {
  uint64_t allocations;
  uint64_t frees;
  uint64_t allocated_bytes;  // as requested
  uint64_t freed_bytes;
  uint64_t allocated_usable;  // with what requests were rounded up to
  uint64_t freed_usable;
  uint64_t peak_bytes;  // most requested bytes at one time
};

inline constexpr unsigned kJournalWrites = 4;

struct TagWrite {
  Unit at;
  uint32_t spare;
  BlockTag tag;
};

struct Journal {
  uint32_t writes;  // 0: nothing is being changed; else all below is whole
  Unit end;
  PoolFigures figures;
  TagWrite write[kJournalWrites];
};

// Sizes below 32 units have a bin each, larger ones four for each power of two.
inline constexpr uint32_t kExactBins = 32;
inline constexpr uint32_t kBinsPerPower = 4;
inline constexpr uint32_t kBins = kExactBins + 27 * kBinsPerPower;
inline constexpr uint32_t kBinWords = (kBins + 63) / 64;

inline constexpr uint64_t kPoolMagic = 0x6c6f6f7061657261;  // "areapool"
inline constexpr uint32_t kPoolVersion = 1;

enum class PoolState : uint32_t {
  kNone = 0,
  kGood = 0x600d600d,
  kBad = 0x0bad0bad,  // its tags are damaged: nothing is handed out any more
};

struct PoolHeader {
  uint64_t magic;  // written last of all
  uint32_t version;
  uint32_t header_bytes;
  uint64_t key;  // of the tags' checks
  os::SharedLock lock;
  PoolState state;
  uint32_t is_changing;  // somebody is at work, or has died at it
  Unit end;              // behind the last block
  uint32_t spare;

  PoolFigures figures;
  uint64_t failed;    // allocations that got no block
  uint64_t refused;   // frees of what is no block of the pool in use
  uint64_t repaired;  // times that lists were made anew: somebody died, or had written into a block

  Journal journal;
  uint64_t bin_bits[kBinWords];
  Unit bins[kBins];
};

inline constexpr size_t kHeaderBytes = 1024;
static_assert(sizeof(PoolHeader) <= kHeaderBytes);
inline constexpr Unit kFirstUnit = kHeaderBytes / kUnitBytes;

constexpr uint32_t bin_of(uint32_t units) {
  if (units < kExactBins) {
    return units;
  }
  const uint32_t power = 31U - static_cast<uint32_t>(__builtin_clz(units));
  return kExactBins + (power - 5) * kBinsPerPower + ((units >> (power - 2)) & (kBinsPerPower - 1));
}

static_assert(bin_of(31) == 31 && bin_of(32) == 32 && bin_of(39) == 32 && bin_of(40) == 33);
static_assert(bin_of(UINT32_MAX) == kBins - 1);

constexpr uint32_t check_of(const BlockTag& tag, Unit at, uint64_t key) {
  const uint64_t sizes = tag.units | uint64_t{tag.before} << 32;
  const uint64_t rest = at | uint64_t{static_cast<uint8_t>(tag.state)} << 32 |
                        uint64_t{tag.slack} << 40 | uint64_t{tag.spare} << 48;
  uint64_t mixed = (sizes ^ key) * 0x9e3779b97f4a7c15;
  mixed = (mixed ^ mixed >> 32 ^ rest) * 0xd6e8feb86659fd93;
  return static_cast<uint32_t>((mixed ^ mixed >> 29) >> 32);
}

}  // namespace heaptag::area_pools
