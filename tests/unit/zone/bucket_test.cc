#include "core/zone/bucket.h"

#include <gtest/gtest.h>

namespace heaptag::zone {
namespace {

unsigned first_that_holds(const BucketSizes& sizes, size_t size_bytes) {
  unsigned bucket = 0;
  while (bucket < sizes.count && sizes.bytes[bucket] < size_bytes) {
    ++bucket;
  }
  return bucket;
}

void expect_first_that_holds(const BucketSizes& sizes) {
  for (size_t size = 0; size <= 300'000; ++size) {
    ASSERT_EQ(bucket_of(sizes, size), first_that_holds(sizes, size)) << size;
  }
  for (const size_t size : {size_t{1} << 32, (size_t{1} << 32) + 16, size_t{1} << 63, SIZE_MAX}) {
    EXPECT_EQ(bucket_of(sizes, size), sizes.count) << size;
  }
}

TEST(Bucket, OfMtypeIsTheFirstThatHoldsTheSize) {
  expect_first_that_holds(kMtypeBuckets);
}

TEST(Bucket, OfOsmallocIsTheFirstThatHoldsTheSize) {
  expect_first_that_holds(kOsmallocBuckets);
}

// The table would else have elements of 0 bytes.
TEST(Bucket, HasASizeForEachThatIsCounted) {
  for (const BucketSizes& sizes : {kMtypeBuckets, kOsmallocBuckets}) {
    for (unsigned i = 0; i < kMaxBuckets; ++i) {
      EXPECT_EQ(sizes.bytes[i] != 0, i < sizes.count) << i;
    }
  }
}

// What is 16384 bytes must be had without waiting; so must a page of a pageable tag, at a page.
TEST(Bucket, PromisedSizesShareSlabs) {
  EXPECT_LE(kMtypeBuckets.bytes[bucket_of(kMtypeBuckets, 16384)], kLargestSlabElement);
  for (size_t size = 4096; size <= kLargestSlabElement; size += 4096) {
    EXPECT_EQ(kOsmallocBuckets.bytes[bucket_of(kOsmallocBuckets, size)] % 4096, 0U) << size;
  }
}

}  // namespace
}  // namespace heaptag::zone
