#include "core/base/format.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "core/base/sort.h"
#include "core/base/utf8.h"

namespace heaptag {
namespace {

constexpr uint64_t kKiB = 1024;
constexpr uint64_t kMiB = 1024 * kKiB;
constexpr uint64_t kGiB = 1024 * kMiB;

std::string text(const NumberText& number) {
  return std::string(number.view());
}

std::string printable(std::string_view raw) {
  char buffer[256];
  BufferSink sink(buffer, sizeof buffer);
  put_printable(sink.sink(), raw);
  return buffer;
}

TEST(Format, WritesIntegers) {
  EXPECT_EQ(text(format_decimal(0)), "0");
  EXPECT_EQ(text(format_decimal(UINT64_MAX)), "18446744073709551615");
  EXPECT_EQ(text(format_signed(-3)), "-3");
  EXPECT_EQ(text(format_signed(INT64_MIN)), "-9223372036854775808");
  EXPECT_EQ(text(format_hex(0x2b7c1)), "0x2b7c1");
  EXPECT_EQ(text(format_hex(UINT64_MAX)), "0xffffffffffffffff");
}

TEST(Format, SeparatesThousands) {
  EXPECT_EQ(text(format_grouped(0)), "0");
  EXPECT_EQ(text(format_grouped(999)), "999");
  EXPECT_EQ(text(format_grouped(1288)), "1,288");
  EXPECT_EQ(text(format_grouped(UINT64_MAX)), "18,446,744,073,709,551,615");
}

TEST(Format, SizesThatStandAloneHaveThreeDigits) {
  EXPECT_EQ(text(format_size(0)), "0");
  EXPECT_EQ(text(format_size(1023)), "1,023");
  EXPECT_EQ(text(format_size(kKiB)), "1.00K");
  EXPECT_EQ(text(format_size(64 * kKiB)), "64.0K");
  EXPECT_EQ(text(format_size(1280 * kKiB)), "1.25M");
  EXPECT_EQ(text(format_size(49 * kMiB / 2)), "24.5M");
  EXPECT_EQ(text(format_size(803 * kMiB / 2)), "401.5M");
  EXPECT_EQ(text(format_size(1081999360)), "1.01G");
  EXPECT_EQ(text(format_size(UINT64_MAX)), "16,777,216.0T");
}

TEST(Format, SizesRoundIntoTheNextUnit) {
  EXPECT_EQ(text(format_size(kMiB - 1)), "1.00M");
  EXPECT_EQ(text(format_size(kGiB - 1)), "1.00G");
  EXPECT_EQ(text(format_size(10 * kMiB - 1)), "10.0M");
  EXPECT_EQ(text(format_size(kMiB - 1, size_style_for(20 * kMiB))), "1.0M");
}

TEST(Format, SizesOfAColumnHaveOneScale) {
  const SizeStyle at_peak = size_style_for(803 * kMiB / 2);
  EXPECT_EQ(text(format_size(3 * kMiB, at_peak)), "3.0M");
  EXPECT_EQ(text(format_size(256 * kMiB, at_peak)), "256.0M");
  const SizeStyle in_use = size_style_for(1280 * kKiB);
  EXPECT_EQ(text(format_size(kMiB, in_use)), "1.00M");
  EXPECT_EQ(text(format_size(128 * kKiB, in_use)), "128.0K");
  EXPECT_EQ(text(format_size(0, in_use)), "0");
  const SizeStyle average = size_style_for(512 * kKiB);
  EXPECT_EQ(text(format_size(kKiB, average)), "1.0K");
  EXPECT_EQ(text(format_size(128, average)), "128");
  EXPECT_EQ(text(format_size(2 * kGiB, average)), "2.00G") << "larger than the column was told";
}

TEST(Format, SizesOfAColumnNeverShrinkAsTheyGrow) {
  const SizeStyle column = size_style_for(20 * kMiB);
  double previous = 0;
  for (uint64_t bytes = 0; bytes < 20 * kMiB; bytes += 997) {
    const std::string shown = text(format_size(bytes, column));
    const double unit = shown.back() == 'M' ? kMiB : shown.back() == 'K' ? kKiB : 1;
    std::string digits;
    for (const char c : shown) {
      digits += c == ',' ? "" : std::string(1, c);
    }
    const double value = std::stod(digits) * unit;
    ASSERT_GE(value, previous) << bytes;
    ASSERT_NEAR(value, static_cast<double>(bytes), 0.06 * unit) << bytes;
    previous = value;
  }
}

TEST(Format, Durations) {
  EXPECT_EQ(text(format_duration(0)), "0.0 ms");
  EXPECT_EQ(text(format_duration(640'000)), "0.6 ms");
  EXPECT_EQ(text(format_duration(412'000'000)), "412 ms");
  EXPECT_EQ(text(format_duration(999'999'999)), "999 ms");
  EXPECT_EQ(text(format_duration(12'400'000'000)), "12.4 s");
  EXPECT_EQ(text(format_duration(1'100'000'000'000)), "18m20s");
  EXPECT_EQ(text(format_duration(7'860'000'000'000)), "2h11m");
  EXPECT_EQ(text(format_duration(uint64_t{(9 * 24 + 4) * 3600} * 1'000'000'000)), "9d04h");
  EXPECT_EQ(text(format_duration(UINT64_MAX)), "213,503d23h");
}

TEST(Format, Percents) {
  EXPECT_EQ(text(format_percent(256, 401)), "63.8");
  EXPECT_EQ(text(format_percent(0, 7)), "0.0");
  EXPECT_EQ(text(format_percent(7, 7)), "100.0");
  EXPECT_EQ(text(format_percent(0, 0)), "-");
  EXPECT_EQ(text(format_percent(UINT64_MAX, UINT64_MAX)), "100.0");
  EXPECT_EQ(text(format_percent(UINT64_MAX / 2, UINT64_MAX)), "50.0");
  EXPECT_EQ(text(format_percent(1, UINT64_MAX)), "0.0");
}

TEST(Format, PadsByColumnsNotBytes) {
  char buffer[64];
  BufferSink sink(buffer, sizeof buffer);
  put_padded_left(sink.sink(), "ä…", 4);
  EXPECT_EQ(sink.view(), "  ä…");
  sink.clear();
  put_padded_right(sink.sink(), "ä\xFF", 4);
  EXPECT_EQ(sink.view(), "ä\xEF\xBF\xBD  ");
  sink.clear();
  put_padded_left(sink.sink(), "longer", 4);
  EXPECT_EQ(sink.view(), "longer");
}

TEST(Format, ATerminalObeysNothing) {
  EXPECT_EQ(printable("plain ä"), "plain ä");
  EXPECT_EQ(printable("a\x1B[31mb\n\x7F"), "a?[31mb??");
  EXPECT_EQ(printable("\xC2\x9B"), "?") << "C1 control";
  EXPECT_EQ(printable("\xC2"), "\xEF\xBF\xBD");
}

TEST(Utf8, AcceptsWhatIsWellFormedOnly) {
  const struct {
    std::string_view bytes;
    uint32_t code_point;
    uint8_t length_bytes;
    bool valid;
  } cases[] = {
      {"a", 'a', 1, true},
      {"\xC3\xA4", 0xE4, 2, true},
      {"\xE2\x80\xA6", 0x2026, 3, true},
      {"\xF4\x8F\xBF\xBF", 0x10FFFF, 4, true},
      {"\x80", 0, 1, false},
      {"\xC0\x80", 0, 1, false},
      {"\xE0\x80\x80", 0, 1, false},
      {"\xED\xA0\x80", 0, 1, false},
      {"\xF4\x90\x80\x80", 0, 1, false},
      {"\xE2\x80", 0, 2, false},
      {"\xF0\x90\x80z", 0, 3, false},
      {"", 0, 0, false},
  };

  for (const auto& c : cases) {
    const Utf8Char decoded = decode_utf8(c.bytes);
    EXPECT_EQ(decoded.valid, c.valid) << c.bytes;
    EXPECT_EQ(decoded.length_bytes, c.length_bytes) << c.bytes;
    if (c.valid) {
      EXPECT_EQ(decoded.code_point, c.code_point);
    }
  }
}

TEST(BufferSink, TruncatesVisibly) {
  char buffer[4];
  BufferSink sink(buffer, sizeof buffer);
  sink.sink().put("abc");
  EXPECT_FALSE(sink.truncated());
  sink.sink().put("d");
  EXPECT_TRUE(sink.truncated());
  EXPECT_STREQ(buffer, "abc");
}

TEST(BufferedSink, KeepsOrderAndJoinsPieces) {
  struct Target {
    std::string text;
    int writes = 0;
  } target;

  BufferedSink buffered(Sink{[](void* context, const char* data, size_t size_bytes) {
                               auto* to = static_cast<Target*>(context);
                               to->text.append(data, size_bytes);
                               ++to->writes;
                             },
                             &target});
  std::string expected;
  for (int i = 0; i < 1000; ++i) {
    buffered.sink().put("line\n");
    expected += "line\n";
  }
  const std::string large(10000, 'x');
  buffered.sink().put(large);
  buffered.sink().put_char('\n');
  buffered.flush();
  EXPECT_EQ(target.text, expected + large + "\n");
  EXPECT_LE(target.writes, 5);
}

TEST(Sort, SortsEverySmallArray) {
  for (unsigned count = 0; count < 40; ++count) {
    std::vector<unsigned> items;
    for (unsigned i = 0; i < count; ++i) {
      items.push_back(i * 7919 % 31);
    }
    sort_in_place(items.data(), items.size(), [](unsigned a, unsigned b) { return a < b; });
    EXPECT_TRUE(std::is_sorted(items.begin(), items.end()));
  }
}

}  // namespace
}  // namespace heaptag
