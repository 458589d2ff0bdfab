// Snapshots: what is written comes back, and what was cut off, damaged or written by a later
// version is refused in a few words.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <random>
#include <string>

#include "core/wire/snapshot_format.h"
#include "tests/unit/tools/report_samples.h"
#include "tools/model/rendering.h"
#include "tools/model/snapshot_reader.h"

namespace heaptag::tools {
namespace {

using testing::HasSubstr;

Tag make_tag(uint32_t id, const Module& module, const std::string& function) {
  Frame inner;
  inner.module = module.path;
  inner.build_id = module.build_id;
  inner.offset = 0x1150 + id;
  inner.function = "inlined_" + function;
  inner.file = "src/" + function + ".h";
  inner.line = 7;
  inner.inlined = true;
  Frame outer = inner;
  outer.function = function;
  outer.function_offset = 0x1f;
  outer.file = "src/" + function + ".cc";
  outer.line = 300 + id;
  outer.inlined = false;
  Site site;
  site.id = id;
  site.frames = {inner, outer};
  site.figures = {300, 200, 100, 1600, 3200, 4800, 1};
  site.size_classes = 23;
  site.at_peak_bytes = 1900;
  Tag tag;
  tag.name = function;
  tag.origin = "site";
  tag.figures = site.figures;
  tag.peak_live_bytes = 2000;
  tag.at_peak_bytes = 1900;
  tag.sites = {site};
  return tag;
}

Report make_report() {
  Report report;
  report.version = "1.2";
  report.process.pid = 4711;
  report.process.program = "thumbd";
  report.process.argv = {"./thumbd", "", "--batch\nphotos", "\xff\xfe"};
  report.process.start_time = "2026-11-12T22:55:01.123Z";
  report.process.report_time = "2026-11-12T22:56:01.123Z";
  report.process.run_ns = 60000000000;
  report.process.at_peak_ns = 3;
  report.process.reason = "exit";
  report.process.exit_known = true;
  report.process.exit_status = 255;
  report.environment = {true, 0, true, UINT64_MAX - 1, "6.1.0", "glibc 2.36"};
  report.options = {{"HEAPTAG_REPORT", "/tmp/%p.snap"}, {"HEAPTAG_FORMAT", "snapshot"}};
  report.memory = {1, 2, 3, 4, 5, 6, 7, 8};
  report.totals.figures = {600, 400, 200, 3200, 6400, 9600, 2};
  report.totals.reallocations = 5;
  report.totals.peak_live_bytes = UINT64_MAX;
  report.totals.threads = 4;
  report.modules = {{"/usr/lib/libjpeg.so", "1f3c9a", 0x7f0000000000, 0x7f0000010000, "then", ""},
                    {"/usr/lib/libpng.so", "", 0, 0, "", "now"}};
  report.tags = {make_tag(2, report.modules[0], "pixels_alloc"),
                 make_tag(3, report.modules[1], "pixels_other")};
  Tag net = make_tag(4, report.modules[0], "recv_one");
  Tag other = make_tag(200, report.modules[1], "recv_two");
  other.sites[0].at_peak_bytes = 0;
  other.sites[0].size_classes = 0;
  net.name = "io";
  net.origin = "api";
  net.sites.push_back(other.sites[0]);
  add_figures(net.figures, other.figures);
  report.tags.push_back(net);
  report.rules = {{"net", "net=lib:\"libssl*\"", 12}, {"net", "net=func:net_*", 0}, {"", "", 0}};
  Tag named;
  named.name = "net";
  named.origin = "rule";
  named.figures = {1, 1, 0, 0, 0, 9, 0};
  named.limit_bytes = 1024;
  report.tags.push_back(named);
  report.errors = {sample_error(report.tags[0].sites[0].frames[1]), Error()};
  report.errors[1].kind = "invalid-free";
  report.errors[1].offset = INT64_MIN;
  report.errors[1].refused = true;
  report.checks = true;
  return report;
}

std::string complaint_about(const std::string& bytes) {
  try {
    read_saved_report(bytes);
  } catch (const BrokenReport& error) {
    return error.what();
  }
  return "";
}

TEST(Snapshot, GivesBackTheReport) {
  const Report report = make_report();
  const std::string bytes = as_snapshot(report);
  const Report again = read_saved_report(bytes);
  EXPECT_EQ(as_json(again), as_json(report));
  EXPECT_EQ(as_snapshot(again), bytes);
  EXPECT_EQ(again.tags[2].sites[0].at_peak_bytes, 1900U);
  EXPECT_EQ(again.tags[2].sites[0].size_classes, 23U);
  EXPECT_EQ(again.rules[0].text, "net=lib:\"libssl*\"");
  EXPECT_EQ(again.rules[0].matched_sites, 12U);
  EXPECT_TRUE(again.checks);
  EXPECT_EQ(again.errors[0].offset, -8);
  EXPECT_EQ(again.errors[0].neighbours[0].distance, -96);
  EXPECT_EQ(again.errors[1].offset, INT64_MIN);
  EXPECT_LT(bytes.size() * 4, as_json(report).size());
}

TEST(Snapshot, AndJsonHaveTheSameErrors) {
  Report report;
  report.errors = make_report().errors;
  report.checks = true;
  const Report again = read_saved_report(as_json(report));
  EXPECT_EQ(as_snapshot(again), as_snapshot(report));
  EXPECT_EQ(as_text(again, {}), as_text(report, {}));
}

TEST(Snapshot, IsReadFromAnEmptyReportToo) {
  const Report empty = read_snapshot(as_snapshot(Report{}));
  EXPECT_TRUE(empty.tags.empty());
  EXPECT_FALSE(empty.process.exit_known);
}

TEST(Snapshot, KeepsModulesThatOnlyFramesName) {
  Report report = make_report();
  report.modules.clear();
  const Report again = read_snapshot(as_snapshot(report));
  EXPECT_EQ(again.tags[1].sites[0].frames[1].module, "/usr/lib/libpng.so");
  EXPECT_EQ(again.modules.size(), 2U);
  EXPECT_EQ(again.errors[0].allocated.frames[1].module, "/usr/lib/libjpeg.so");
  report.tags.clear();
  EXPECT_EQ(read_snapshot(as_snapshot(report)).modules.size(), 1U);
}

// The worked example of core/wire/snapshot_format.h.
TEST(Snapshot, HasTheBytesOfItsDescription) {
  Report report;
  report.modules = {{"/lib/a.so", "", 0, 0, "", ""}, {"/lib/b.so", "", 0, 0, "", ""}};
  Tag tag;
  tag.origin = "site";
  tag.peak_live_bytes = tag.at_peak_bytes = 32;
  Site site;
  site.id = 2;
  site.figures = {300, 300, 0, 0, 0, 4800, 0};
  site.size_classes = 1;
  Frame frame;
  frame.module = "/lib/a.so";
  frame.offset = 0x1151;
  site.frames = {frame};
  tag.sites = {site};
  tag.figures = site.figures;
  report.tags = {tag};
  const std::string bytes = as_snapshot(report);
  EXPECT_THAT(bytes, HasSubstr(std::string("\x01\x09/lib/a.so\0\0\0\0\0\x06\x04"
                                           "b.so",
                                           22)));
  EXPECT_THAT(bytes, HasSubstr(std::string("\0\x01\x04site\x20\x20\0\x01\x02\xac\x02\xac\x02\0\0\0"
                                           "\xc0\x25\0\x01\x01\x01\xd1\x22\0\0\0\0\0R\0X\0\0.",
                                           38)));
}

TEST(Snapshot, CutOffAtEveryLengthIsRefused) {
  const std::string bytes = as_snapshot(make_report());
  for (size_t length = 1; length < bytes.size(); ++length) {
    EXPECT_THAT(complaint_about(bytes.substr(0, length)), HasSubstr("cut off after")) << length;
  }
  EXPECT_NE(complaint_about(""), "");
  EXPECT_THAT(complaint_about(bytes + "x"), HasSubstr("damaged"));
}

TEST(Snapshot, LaterVersionIsRefusedByName) {
  std::string bytes = as_snapshot(make_report());
  bytes[sizeof wire::kSnapshotMagic] = static_cast<char>(wire::kSnapshotVersion + 1);
  EXPECT_EQ(complaint_about(bytes),
            "it is a snapshot of a newer heaptag (format 4; this one reads up to 3): use that "
            "heaptag's command");
  EXPECT_THAT(complaint_about(bytes.substr(0, 12)), HasSubstr("format 4"));
  bytes[sizeof wire::kSnapshotMagic] = 0;
  EXPECT_THAT(complaint_about(bytes), HasSubstr("damaged at byte 8"));
}

/// A file that a heaptag of an earlier format has written.
std::string bytes_of_format(int version) {
  std::ifstream file(fmt::format(HEAPTAG_TEST_DATA "/format{}.snap", version), std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(Snapshot, OfVersion1IsRead) {
  const std::string bytes = bytes_of_format(1);
  ASSERT_EQ(bytes[sizeof wire::kSnapshotMagic], 1);
  const Report report = read_snapshot(bytes);
  EXPECT_EQ(report.process.argv[1], "--batch");
  ASSERT_EQ(report.tags.size(), 2U);
  EXPECT_EQ(report.tags[0].name, "pixels_alloc");
  EXPECT_EQ(report.tags[0].sites[0].at_peak_bytes, 1900U);
  EXPECT_EQ(report.tags[0].sites[0].size_classes, 0U);
  const Tag& net = report.tags[1];
  EXPECT_EQ(net.name, "net");
  EXPECT_EQ(net.origin, "rule");
  EXPECT_EQ(net.limit_bytes, 65536U);
  EXPECT_EQ(net.at_peak_bytes, 3800U);
  EXPECT_EQ(net.figures.allocations, 600U);
  ASSERT_EQ(net.sites.size(), 2U);
  EXPECT_EQ(net.sites[1].frames[0].function, "recv_two");
  EXPECT_EQ(net.sites[1].at_peak_bytes, 0U);
  EXPECT_TRUE(report.rules.empty());
  // Once more, in today's format.
  EXPECT_EQ(as_json(read_snapshot(as_snapshot(report))), as_json(report));
}

TEST(Snapshot, OfVersion2IsRead) {
  const std::string bytes = bytes_of_format(2);
  ASSERT_EQ(bytes[sizeof wire::kSnapshotMagic], 2);
  const Report report = read_snapshot(bytes);
  ASSERT_EQ(report.tags.size(), 2U);
  EXPECT_EQ(report.tags[1].sites[1].at_peak_bytes, 1900U);
  EXPECT_EQ(report.tags[1].sites[1].size_classes, 5U);
  ASSERT_EQ(report.rules.size(), 2U);
  EXPECT_EQ(report.rules[0].matched_sites, 2U);
  EXPECT_TRUE(report.errors.empty());
  EXPECT_FALSE(report.checks);
  EXPECT_EQ(as_json(read_snapshot(as_snapshot(report))), as_json(report));
}

TEST(Snapshot, OfEarlierVersionsIsRefusedWhenItIsBroken) {
  for (const int version : {1, 2}) {
    const std::string bytes = bytes_of_format(version);
    for (size_t length = 1; length < bytes.size(); ++length) {
      EXPECT_THAT(complaint_about(bytes.substr(0, length)), HasSubstr("cut off after")) << length;
    }
    for (size_t at = 0; at < bytes.size(); ++at) {
      std::string changed = bytes;
      changed[at] = static_cast<char>(changed[at] ^ 1);
      EXPECT_NE(complaint_about(changed), "") << at;
    }
  }
}

TEST(Snapshot, EveryChangedByteIsFound) {
  const std::string bytes = as_snapshot(make_report());
  for (size_t at = 0; at < bytes.size(); ++at) {
    for (const unsigned bit : {0U, 3U, 7U}) {
      std::string changed = bytes;
      changed[at] = static_cast<char>(changed[at] ^ (1 << bit));
      EXPECT_NE(complaint_about(changed), "") << at;
    }
  }
}

TEST(Snapshot, RandomBytesAreRefused) {
  std::mt19937 random(1);
  const std::string head = as_snapshot(Report{}).substr(0, 12);
  for (int i = 0; i < 20000; ++i) {
    std::string bytes = i % 2 == 0 ? head : "";
    for (size_t left = random() % 200; left > 0; --left) {
      bytes += static_cast<char>(random());
    }
    EXPECT_NE(complaint_about(bytes), "");
  }
}

}  // namespace
}  // namespace heaptag::tools
