#include "core/safety/checksum.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace heaptag::safety {
namespace {

struct alignas(16) Unit {
  uint8_t bytes[16];
};

class Block {
 public:
  explicit Block(size_t size_bytes) : units_(size_bytes / sizeof(Unit)) {
    std::mt19937 random(static_cast<unsigned>(size_bytes));
    for (size_t i = 0; i < size(); ++i) {
      data()[i] = static_cast<uint8_t>(random());
    }
  }

  uint8_t* data() { return units_[0].bytes; }

  size_t size() const { return units_.size() * sizeof(Unit); }

 private:
  std::vector<Unit> units_;
};

class ChecksumOfSize : public testing::TestWithParam<size_t> {};

TEST_P(ChecksumOfSize, ChangesWithEveryBit) {
  Block block(GetParam());
  const uint32_t sum = checksum(block.data(), block.size());
  const uint32_t plain = plain_checksum(block.data(), block.size());
  for (size_t bit = 0; bit < block.size() * 8; ++bit) {
    block.data()[bit / 8] ^= static_cast<uint8_t>(1U << bit % 8);
    ASSERT_NE(checksum(block.data(), block.size()), sum) << bit;
    ASSERT_NE(plain_checksum(block.data(), block.size()), plain) << bit;
    block.data()[bit / 8] ^= static_cast<uint8_t>(1U << bit % 8);
  }
  EXPECT_EQ(checksum(block.data(), block.size()), sum);
}

TEST_P(ChecksumOfSize, GivesAChangedByteAway) {
  if (!has_crc()) {
    GTEST_SKIP() << "the CPU has no CRC32";
  }
  Block block(GetParam());
  const uint32_t sum = checksum(block.data(), block.size());
  const size_t step = block.size() <= 512 ? 1 : block.size() / 61;
  for (size_t at = 0; at < block.size(); at += step) {
    const uint8_t before = block.data()[at];
    block.data()[at] = static_cast<uint8_t>(before + 1 + at % 255);
    size_t offset = 0;
    uint8_t was = 0;
    ASSERT_TRUE(find_changed_byte(block.data(), block.size(), sum, &offset, &was)) << at;
    EXPECT_EQ(offset, at);
    EXPECT_EQ(was, before);
    block.data()[at] = before;
  }
}

INSTANTIATE_TEST_SUITE_P(Each,
                         ChecksumOfSize,
                         testing::Values(16, 32, 48, 64, 80, 96, 112, 288, 4096, 5008));

TEST(Checksum, OfZerosTellsTheSize) {
  Block block(64);
  std::fill_n(block.data(), block.size(), uint8_t{0});
  EXPECT_NE(checksum(block.data(), 32), checksum(block.data(), 64));
  EXPECT_NE(checksum(block.data(), 64), 0U);
}

TEST(Checksum, TwoChangedBytesAreNotTakenForOne) {
  Block block(512);
  const uint32_t sum = checksum(block.data(), block.size());
  block.data()[3] ^= 1;
  block.data()[400] ^= 2;
  size_t offset = 0;
  uint8_t was = 0;
  EXPECT_FALSE(find_changed_byte(block.data(), block.size(), sum, &offset, &was));
}

}  // namespace
}  // namespace heaptag::safety
