// The sizes in which a zone hands memory out. Layer: core/zone.
// Source: mtype: the buckets of Tru64 UNIX 5's malloc, as its statistics show them; osmalloc: the
// zones of kalloc in XNU up to 8192 bytes, and larger ones like them.
#pragma once

#include <array>

#include "core/base/types.h"

namespace heaptag::zone {

inline constexpr unsigned kMaxBuckets = 32;

/// Elements up to this size share slabs; larger ones have pages of their own, and never come from
/// the pool.
inline constexpr size_t kLargestSlabElement = 32 * 1024;

struct BucketSizes {
  std::array<uint32_t, kMaxBuckets> bytes;
  unsigned count;
};

inline constexpr BucketSizes kMtypeBuckets{
    {16,   32,   64,   96,    128,   160,   192,   256,    320,   384,  448,
     512,  576,  640,  704,   768,   896,   1024,  1152,   1344,  1600, 2048,
     2688, 4096, 8192, 12288, 16384, 32768, 65536, 131072, 262144},
    31};

inline constexpr BucketSizes kOsmallocBuckets{
    {16,  32,  48,  64,   80,   96,   128,  160,  192,  224,  256,  288,   368,   400,
     512, 576, 768, 1024, 1152, 1280, 1664, 2048, 4096, 6144, 8192, 12288, 16384, 32768},
    28};

/// The bucket of a request, or `count`: it has pages of its own, and is in none.
constexpr unsigned bucket_of(const BucketSizes& sizes, size_t size_bytes) {
  unsigned low = 0;
  unsigned high = sizes.count;
  while (low < high) {
    const unsigned middle = (low + high) / 2;
    if (sizes.bytes[middle] < size_bytes) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

constexpr bool are_blocks(const BucketSizes& sizes) {
  for (unsigned i = 0; i < sizes.count; ++i) {
    if (sizes.bytes[i] % 16 != 0 || (i != 0 && sizes.bytes[i] <= sizes.bytes[i - 1])) {
      return false;
    }
  }
  return true;
}

static_assert(are_blocks(kMtypeBuckets) && are_blocks(kOsmallocBuckets));
static_assert(bucket_of(kMtypeBuckets, 0) == 0 && bucket_of(kMtypeBuckets, 17) == 1);
static_assert(bucket_of(kOsmallocBuckets, 32769) == kOsmallocBuckets.count);

}  // namespace heaptag::zone
