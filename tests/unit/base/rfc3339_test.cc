#include "core/base/rfc3339.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <ctime>
#include <random>
#include <string>

namespace heaptag {
namespace {

constexpr uint64_t kMsPerSecond = 1000;
constexpr uint64_t kNsPerMs = 1'000'000;

std::string ours(uint64_t ns) {
  char text[kRfc3339Bytes];
  write_rfc3339(ns, text);
  return text;
}

std::string by_libc(uint64_t ns) {
  const uint64_t ms = ns / kNsPerMs;
  const auto seconds = static_cast<time_t>(ms / kMsPerSecond);
  tm broken_down{};
  gmtime_r(&seconds, &broken_down);
  char day[32];
  strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &broken_down);
  char text[48];
  snprintf(text, sizeof text, "%s.%03uZ", day, static_cast<unsigned>(ms % kMsPerSecond));
  return text;
}

TEST(Rfc3339, KnownTimes) {
  EXPECT_EQ(ours(0), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(ours(951'782'400 * kMsPerSecond * kNsPerMs), "2000-02-29T00:00:00.000Z");
  EXPECT_EQ(ours(1'999'999), "1970-01-01T00:00:00.001Z");  // rounded down
  EXPECT_EQ(ours(UINT64_MAX), "2554-07-21T23:34:33.709Z");
}

TEST(Rfc3339, EveryDayAsStrftime) {
  for (uint64_t day = 0; day < 585 * 365; ++day) {
    for (const uint64_t second : {uint64_t{0}, uint64_t{86399}}) {
      const uint64_t ns = (day * 86400 + second) * kMsPerSecond * kNsPerMs;
      ASSERT_EQ(ours(ns), by_libc(ns));
    }
  }
}

TEST(Rfc3339, AnyTimeAsStrftime) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 20000; ++i) {
    const uint64_t ns = random();
    ASSERT_EQ(ours(ns), by_libc(ns));
  }
}

}  // namespace
}  // namespace heaptag
