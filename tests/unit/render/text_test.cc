#include "core/render/text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "core/base/utf8.h"
#include "tests/unit/render/text_fixture.h"

namespace heaptag::render {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr char kGolden[] =
    R"(thumbd[4711] exited with status 0 after 12.4 s: peak 401.5M, 1.25M still in use, no errors

  peak          401.5M  at 8.1 s          allocations  211,840     allocated  1.01G
  in use        1.25M in 1,288 blocks     frees        210,552     failed     0
  max RSS       438.0M (kernel)           threads      4

   at peak       %    in use  blocks     calls  avg size  owner
    256.0M    63.8         0       0     1,024    512.0K  pixels_alloc           src/pixels.c:88
     96.0M    23.9         0       0     6,144     64.0K  jpeg_get_large         libjpeg.so.62+0x2b7c1
     24.5M     6.1     1.00M     256    16,384      4.0K  cache_insert           src/cache.c:41
     20.0M     5.0         0       0    49,152      1.0K  exif::Reader::field    src/exif.cc:230
      3.0M     0.7    128.0K   1,024   131,072       128  json::Value::set       src/json.cc:77
      2.0M     0.5    128.0K       8     8,064      1.0K  1 more                 (--top 0 shows all)
  --------  ------  --------  ------  --------            ------
    401.5M   100.0     1.25M   1,288   211,840            6 owners, counted, not sampled

  file and line for 5 of 6 owners; missing: libjpeg.so.62 (build-id 1f3c9a…):
  install their debug symbols (Debian: -dbgsym packages)
  saved: t.json    next: heaptag run --top 0 -- ./thumbd
)";

TEST_F(TextReport, Golden) {
  options_.top = 5;
  report_.checks = true;
  options_.saved_path = "t.json";
  options_.next_command = "heaptag run --top 0 -- ./thumbd";
  EXPECT_EQ(text(), kGolden);
}

TEST_F(TextReport, ScratchMemoryChangesNothing) {
  for (const size_t top : {0u, 1u, 5u, 6u, 20u}) {
    options_.top = top;
    options_.scratch = {};
    const std::string without = text();
    std::vector<uint32_t> scratch(tags_.size());
    options_.scratch = scratch;
    EXPECT_EQ(text(), without);
  }
}

TEST_F(TextReport, VerdictSaysHowItEnded) {
  report_.process.exit_status = 3;
  EXPECT_THAT(first_line(), StartsWith("thumbd[4711] exited with status 3 after 12.4 s: peak "));
  report_.process.killed_by_signal = 11;
  EXPECT_THAT(first_line(), StartsWith("thumbd[4711] was killed by signal 11 (SIGSEGV) after "));
  report_.process.killed_by_signal = 40;
  EXPECT_THAT(first_line(), StartsWith("thumbd[4711] was killed by signal 40 after "));
  report_.process.killed_by_signal = 0;
  report_.process.exit_known = false;
  EXPECT_THAT(first_line(), StartsWith("report of thumbd[4711] at exit after 12.4 s: peak "));
  report_.process.reason = "request";
  EXPECT_EQ(first_line(), "report of thumbd[4711] after 12.4 s: peak 401.5M, 1.25M in use");
}

TEST_F(TextReport, ErrorsStandBeforeTheTable) {
  Error errors[2];
  errors[0].kind = "double-free";
  errors[0].found_when = "free";
  errors[1] = errors[0];
  errors[1].kind = "invalid-free";
  report_.errors = errors;
  report_.error_count = 2;
  report_.checks = true;
  EXPECT_THAT(first_line(), EndsWith(" still in use, 2 errors"));
  EXPECT_THAT(text(), HasSubstr(" 2 errors\n\n==4711== heaptag: ERROR: double-free: 0x0\n"));
  EXPECT_THAT(text(), HasSubstr("==4711== SUMMARY: heaptag: invalid-free\n\n  peak "));
  options_.errors = ErrorDetail::kSummary;
  EXPECT_THAT(text(), HasSubstr(" 2 errors\n==4711== SUMMARY: heaptag: double-free\n"
                                "==4711== SUMMARY: heaptag: invalid-free\n\n  peak "));
  report_.error_count = 1;
  EXPECT_THAT(first_line(), EndsWith(" still in use, 1 error"));
  options_.status_for_errors = 23;
  EXPECT_THAT(first_line(), EndsWith(", 1 error (exit status 0 -> 23)"));
  report_.error_count = 0;
  EXPECT_THAT(first_line(), EndsWith(" still in use, no errors"));
  report_.checks = false;
  EXPECT_THAT(first_line(), EndsWith(" still in use"));
}

TEST_F(TextReport, ARunningProcessIsSortedByWhatItHolds) {
  report_.process.exit_known = false;
  report_.process.reason = "request";
  const auto lines = table();
  EXPECT_THAT(lines[0], HasSubstr("in use       %   at peak  blocks"));
  EXPECT_THAT(lines[1], HasSubstr("1.00M    80.0     24.5M     256    16,384      4.0K  cache"));
  options_.sort = SortKey::kAtPeak;
  EXPECT_THAT(table()[1], HasSubstr("pixels_alloc"));
}

TEST_F(TextReport, BytesAreIntegers) {
  options_.bytes = true;
  EXPECT_THAT(first_line(), HasSubstr("peak 421,003,264 bytes, 1,310,720 bytes still in use"));
  EXPECT_THAT(table()[1], HasSubstr("268,435,456    63.8          0       0     1,024"));
  expect_aligned();
}

TEST_F(TextReport, ThePeakShowsItsErrorWhenThatCanBeSeen) {
  report_.totals.peak_error_bytes = kK;
  EXPECT_THAT(text(), HasSubstr("peak          401.5M  at 8.1 s"));
  report_.totals.peak_error_bytes = kM;
  EXPECT_THAT(text(), HasSubstr("peak          401.5M to 402.5M  at 8.1 s"));
}

TEST_F(TextReport, NamedTagsStandInBrackets) {
  const std::vector<Site> sites(12, *tags_[0].sites);
  tags_[0].origin = "rule";
  tags_[0].sites = sites.data();
  tags_[0].site_count = sites.size();
  EXPECT_THAT(table()[1], HasSubstr("[pixels_alloc]         12 sites"));
  expect_aligned();
}

TEST_F(TextReport, AnAddressThatIsTheNameIsNotSaidAgain) {
  tags_[2].name = "libjpeg.so.62+0x2b7c1";
  frames_[2].function = nullptr;
  EXPECT_THAT(table()[2], testing::EndsWith("  64.0K  libjpeg.so.62+0x2b7c1"));
  tags_[2].name = "ls+0x10";
  EXPECT_THAT(table()[2], testing::EndsWith("  64.0K  ls+0x10"));
  tags_[2].name = "images";
  tags_[2].origin = "rule";
  EXPECT_THAT(table()[2], testing::EndsWith("  [images]               libjpeg.so.62+0x2b7c1"));
  expect_aligned();
}

TEST_F(TextReport, AnOwnersPlaceIsInTheFunctionThatTheLinkerKnows) {
  std::vector<Frame> inlined(2, frames_[0]);
  inlined[0].file = "allocator.h";
  inlined[0].inlined = true;
  sites_[0].frames = inlined.data();
  sites_[0].frame_count = 2;
  EXPECT_THAT(table()[1], testing::EndsWith("pixels_alloc           src/pixels.c:88"));
  inlined[1].inlined = true;  // only from a report that something else has written
  EXPECT_THAT(table()[1], testing::EndsWith("pixels_alloc           allocator.h:88"));
}

TEST_F(TextReport, AnEmptyReportLooksRight) {
  report_ = Report();
  EXPECT_EQ(first_line(), "report of process at exit: peak 0 bytes, 0 bytes still in use");
  EXPECT_THAT(table()[2], HasSubstr("         0       -         0       0         0            0 "
                                    "owners, counted"));
  EXPECT_THAT(text(), HasSubstr("next: heaptag run -- PROGRAM"));
}

TEST_F(TextReport, HugeFiguresStayAligned) {
  set_rows({{"all_of_it", UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, 1, "a.c", 1},
            {"more_of_it", UINT64_MAX, UINT64_MAX, UINT64_MAX, 3, UINT64_MAX, "b.c", 2},
            {"nothing", 0, 0, 0, 0, 0, "c.c", 3}});
  report_.totals.peak_live_bytes = UINT64_MAX;
  for (const bool bytes : {false, true}) {
    options_.bytes = bytes;
    options_.top = 0;
    expect_aligned();
    options_.top = 1;
    expect_aligned();
  }
}

TEST_F(TextReport, LongNamesAreCutAndStayAligned) {
  const std::string name(500, 'n');
  const std::string umlauts = [] {
    std::string text;
    for (int i = 0; i < 300; ++i) {
      text += "ä";
    }
    return text;
  }();
  tags_[0].name = name.c_str();
  tags_[1].name = umlauts.c_str();
  tags_[1].origin = "rule";
  expect_aligned();
  size_t widest = 0;
  std::vector<size_t> places;
  for (const std::string& line : table()) {
    widest = std::max(widest, count_columns(line));
    const size_t at = line.find("src/");
    if (at != std::string::npos) {
      places.push_back(count_columns(line.substr(0, at)));
    }
  }
  EXPECT_LE(widest, 200u);
  EXPECT_GT(widest, 150u);
  EXPECT_THAT(places, testing::Each(places[0]));
  EXPECT_THAT(text(), HasSubstr("nnn…  src/pixels.c:88"));
  EXPECT_THAT(text(), HasSubstr("ää…]  src/other.c:1"));
  options_.max_columns = 0;
  EXPECT_THAT(text(), HasSubstr(name));
}

TEST_F(TextReport, AShortLineGivesUpAddressesBeforeNames) {
  const std::string longer = "jpeg_get_large" + std::string(26, 'r');
  tags_[2].name = longer.c_str();
  EXPECT_THAT(table()[2], testing::EndsWith("r  libjpeg.so.62+0x2b7c1"));
  options_.max_columns = 100;
  EXPECT_THAT(table()[2], testing::EndsWith("  " + longer));
  EXPECT_THAT(table()[1], testing::EndsWith("  pixels_alloc           src/pixels.c:88"));
  options_.max_columns = 80;
  EXPECT_THAT(table()[2], testing::EndsWith("  jpeg_get_largerrrrrrr…"));
  expect_aligned();
}

TEST_F(TextReport, ATerminalObeysNothing) {
  tags_[0].name = "evil\x1B[2J\nname\xFF";
  report_.process.program = "\x1B]0;title\x07";
  EXPECT_THAT(text(), Not(HasSubstr("\x1B")));
  EXPECT_THAT(text(), HasSubstr("evil?[2J?name\xEF\xBF\xBD  "));
}

TEST_F(TextReport, AReportByTheProgramItselfSaysHowToGetLines) {
  for (Frame& frame : frames_) {
    frame.file = nullptr;
    frame.line = 0;
  }
  const char* const argv[] = {"./thumbd", "--batch"};
  report_.process.argv = argv;
  report_.process.argv_count = 2;
  EXPECT_THAT(text(), Not(HasSubstr("missing")));
  EXPECT_THAT(text(), HasSubstr("\n  next: heaptag run -- ./thumbd ...    (adds file and line)\n"));
}

}  // namespace
}  // namespace heaptag::render
