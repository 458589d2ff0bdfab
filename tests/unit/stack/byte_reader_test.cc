#include "core/stack/byte_reader.h"

#include <gtest/gtest.h>

#include <memory>

#include "tests/unit/stack/unwind_bytes.h"

namespace heaptag::stack {
namespace {

using testing::Bytes;
using testing::sleb;
using testing::uleb;

/// Bytes with an end that AddressSanitizer guards.
class Block {
 public:
  Block(const Bytes& bytes) : size_bytes_(bytes.size()), data_(new uint8_t[bytes.size()]) {
    std::copy(bytes.begin(), bytes.end(), data_.get());
  }

  uintptr_t begin() const { return reinterpret_cast<uintptr_t>(data_.get()); }

  ByteReader reader() const { return ByteReader(ByteRange{begin(), begin() + size_bytes_}); }

 private:
  size_t size_bytes_;
  std::unique_ptr<uint8_t[]> data_;
};

TEST(ByteReader, ReadsForward) {
  const Block block({1, 2, 0, 3, 0, 0, 0, 4});
  ByteReader reader = block.reader();
  EXPECT_EQ(reader.fixed<uint8_t>(), 1);
  EXPECT_EQ(reader.fixed<uint16_t>(), 2);
  EXPECT_EQ(reader.fixed<uint32_t>(), 3U);
  EXPECT_FALSE(reader.at_end());
  EXPECT_EQ(reader.at(), block.begin() + 7);
  EXPECT_EQ(reader.fixed<uint16_t>(), 0) << "one byte is not two";
  EXPECT_TRUE(reader.failed());
  EXPECT_TRUE(reader.at_end());
  EXPECT_EQ(reader.fixed<uint8_t>(), 0) << "not the byte that was left";
}

TEST(ByteReader, SkipsToItsEndAndNotBeyond) {
  const Block block({1, 2, 3});
  ByteReader reader = block.reader();
  reader.skip(3);
  EXPECT_TRUE(reader.at_end());
  EXPECT_FALSE(reader.failed());
  reader.skip(0);
  EXPECT_FALSE(reader.failed());
  for (const uint64_t size_bytes : {uint64_t{4}, UINT64_MAX}) {
    reader = block.reader();
    reader.skip(size_bytes);
    EXPECT_TRUE(reader.failed());
  }
}

TEST(ByteReader, NothingIsInARangeThatEndsBeforeItBegins) {
  const Block block({1, 2, 3});
  ByteReader reader(ByteRange{block.begin() + 2, block.begin()});
  EXPECT_TRUE(reader.failed());
  EXPECT_EQ(reader.fixed<uint8_t>(), 0);
  EXPECT_EQ(ByteReader().fixed<uint8_t>(), 0);
}

TEST(ByteReader, ReadsLeb128) {
  for (const uint64_t value : {0UL, 1UL, 127UL, 128UL, 300UL, 1UL << 62, UINT64_MAX}) {
    const Block block(uleb(value));
    ByteReader reader = block.reader();
    EXPECT_EQ(reader.uleb128(), value);
    EXPECT_TRUE(reader.at_end() && !reader.failed());
  }
  for (const int64_t value : {0L, 1L, -1L, 63L, 64L, -64L, -65L, -8L, INT64_MAX, INT64_MIN}) {
    const Block block(sleb(value));
    ByteReader reader = block.reader();
    EXPECT_EQ(reader.sleb128(), value);
    EXPECT_TRUE(reader.at_end() && !reader.failed());
  }
}

TEST(ByteReader, Leb128MayBePadded) {
  const Block block({0x88, 0x80, 0x00, 0xf8, 0xff, 0x7f});
  ByteReader reader = block.reader();
  EXPECT_EQ(reader.uleb128(), 8U);
  EXPECT_EQ(reader.sleb128(), -8);
  EXPECT_TRUE(reader.at_end() && !reader.failed());
}

TEST(ByteReader, Leb128Ends) {
  const Block cut({0x80, 0x80});
  ByteReader reader = cut.reader();
  EXPECT_EQ(reader.uleb128(), 0U);
  EXPECT_TRUE(reader.failed());
  const Block endless(Bytes(1000, 0x80));
  reader = endless.reader();
  reader.sleb128();
  EXPECT_TRUE(reader.failed());
}

TEST(ByteReader, ReadsPointers) {
  const int64_t values[] = {0, 1, 127, 128, 0x7fff, -1, -128, -0x8000};
  for (const uint8_t format : {0x00, 0x01, 0x02, 0x03, 0x04, 0x09, 0x0a, 0x0b, 0x0c}) {
    const bool is_narrow = format == 0x02 || format == 0x03;  // the unsigned ones
    for (const int64_t value : values) {
      if (is_narrow && value < 0) {
        continue;
      }
      const Block block(testing::pointer_value(format, static_cast<uint64_t>(value)));
      ByteReader reader = block.reader();
      EXPECT_EQ(reader.pointer(format), static_cast<uint64_t>(value)) << int{format};
      EXPECT_TRUE(reader.at_end() && !reader.failed());
      reader = block.reader();
      EXPECT_EQ(reader.pointer(format | kPointerPcRelative),
                block.begin() + static_cast<uint64_t>(value));
    }
  }
}

TEST(ByteReader, RefusesPointersThatItCannotFollow) {
  const Block block(Bytes(16, 1));
  for (const uint8_t encoding : {0x05, 0x08, 0x0d, 0x0f, 0x2b, 0x3b, 0x4b, 0x50, 0x9b, 0xff}) {
    ByteReader reader = block.reader();
    EXPECT_EQ(reader.pointer(encoding), 0U);
    EXPECT_TRUE(reader.failed()) << int{encoding};
  }
}

}  // namespace
}  // namespace heaptag::stack
