// Exhaustive in both directions: every size, every class, every offset in every span that occurs.
#include "core/heap/size_class.h"

#include <gtest/gtest.h>

#include "core/heap/span.h"

namespace heaptag::heap {
namespace {

// As core/allocator grows the spans of a bin: twice as long each time, up to 16 pages, unless the
// first one is longer.
constexpr uint32_t kMaxSpanPages = 16;

TEST(SizeClass, EverySizeHasTheSmallestClassThatHoldsIt) {
  for (size_t size = 0; size <= kLargestClassBytes; ++size) {
    const unsigned found = class_of(size);
    ASSERT_LT(found, kClassCount) << size;
    ASSERT_GE(class_bytes(found), size);
    if (found > 0) {
      ASSERT_LT(class_bytes(found - 1), size) << "a smaller class would do";
    }
  }
}

TEST(SizeClass, EveryClassIsTheClassOfItsSize) {
  for (unsigned i = 0; i < kClassCount; ++i) {
    EXPECT_EQ(class_of(class_bytes(i)), i);
    EXPECT_EQ(kClasses[i].block_bytes, class_bytes(i));
    EXPECT_EQ(class_bytes(i) % 16, 0U) << "every block is aligned as malloc's";
  }
}

TEST(SizeClass, RoundingIsBounded) {
  for (size_t size = 0; size <= kLargestClassBytes; ++size) {
    const size_t slack = class_bytes(class_of(size)) - size;
    ASSERT_LE(slack, BlockMeta::kSlackMask) << "does not fit a block's word";
    if (size > 128) {
      ASSERT_LE(slack * 8, size) << size;
    }
  }
}

TEST(SizeClass, SelectorIsClassAndExactness) {
  for (size_t size = 0; size <= kLargestClassBytes; ++size) {
    const unsigned selector = selector_of(size);
    ASSERT_LT(selector, kSelectorCount);
    ASSERT_EQ(selector, compute_selector(size)) << size;
    ASSERT_EQ(class_of_selector(selector), class_of(size)) << size;
    if (size != 0) {
      ASSERT_EQ(selector / 2, class_of(size) + 1) << size;
      ASSERT_EQ(selector % 2, class_bytes(class_of(size)) == size ? 1U : 0U) << size;
    } else {
      ASSERT_LT(selector, 2U) << "requests of no bytes are told from all others";
    }
  }
}

TEST(SizeClass, FirstSpansWasteLittleAndHoldSome) {
  for (const ClassInfo& info : kClasses) {
    const uint32_t bytes = info.base_pages * kSpanPageBytes;
    EXPECT_LE(bytes % info.block_bytes * 16, bytes) << info.block_bytes;
    EXPECT_GE(bytes / info.block_bytes, 2U) << info.block_bytes;
  }
}

TEST(SizeClass, BlockIndexIsExactForEveryOffset) {
  for (const ClassInfo& info : kClasses) {
    uint32_t pages = info.base_pages;
    while (pages * 2 <= kMaxSpanPages) {
      pages *= 2;
    }
    const auto bytes = static_cast<uint32_t>(pages * kSpanPageBytes);
    ASSERT_LT(uint64_t{bytes} * info.block_bytes, uint64_t{1} << 32);
    for (uint32_t offset = 0; offset < bytes; ++offset) {
      ASSERT_EQ(block_index(offset, info.inverse), offset / info.block_bytes)
          << offset << " of " << info.block_bytes;
    }
  }
}

TEST(BlockMeta, KeepsOwnerAndSlack) {
  for (const uint32_t owner : {0U, 1U, 12345U, BlockMeta::kMaxOwners - 1}) {
    for (const uint32_t slack : {0U, 1U, BlockMeta::kSlackMask}) {
      const uint32_t word = BlockMeta::pack(OwnerId{owner}, slack);
      EXPECT_EQ(BlockMeta::owner(word), OwnerId{owner});
      EXPECT_EQ(BlockMeta::slack_bytes(word), slack);
    }
  }
}

TEST(Span, FindsTheWordOfEveryBlock) {
  alignas(64) static char blocks[4096];
  uint32_t words[4096 / 48];
  Span span{};
  span.base = blocks;
  span.words = words;
  span.inverse = kClasses[class_of(48)].inverse;
  for (uint32_t i = 0; i < 4096 / 48; ++i) {
    EXPECT_EQ(span.word_of(blocks + i * 48), &words[i]);
  }
}

TEST(Span, KeepsTheRequestedSizeInTheLastByte) {
  alignas(16) uint8_t block[1024];
  for (unsigned i = 0; class_bytes(i) <= sizeof(block); ++i) {
    Span span{};
    span.requested_bytes = Span::kVaried;
    span.block_bytes = static_cast<uint16_t>(class_bytes(i));
    span.slack_mask = most_slack(i);
    EXPECT_EQ(most_slack(i) & (most_slack(i) + 1), 0U);
    SizeRange range = sizes_of_selector((i + 1) * 2);
    range.least -= i == 0 ? 0 : 1;  // what fills the class below, see promote_exact
    for (size_t size = range.least; size <= range.most; ++size) {
      write_slack(block, span.block_bytes - 1U, size);
      ASSERT_EQ(span.varied_size(block), size);
      ASSERT_LE(size, span.usable_bytes());
    }
    write_slack(block, span.block_bytes - 1U, span.block_bytes - 1U);
    block[span.block_bytes - 1] = 0;  // as strcpy of one character too many
    EXPECT_EQ(span.varied_size(block), span.block_bytes - 1U);
    block[span.block_bytes - 1] = 0xff;  // any other stray write
    EXPECT_GE(span.varied_size(block) + 1, range.least);
    EXPECT_LE(span.varied_size(block), span.block_bytes);
  }
}

}  // namespace
}  // namespace heaptag::heap
