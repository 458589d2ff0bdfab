// Rows of sites, modules and tags: sums stay, peaks are never more than what is certain.
#include "tools/model/grouping.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/tools/report_samples.h"

namespace heaptag::tools {
namespace {

using testing::UnorderedElementsAre;

const char* const kProgram = "/usr/bin/thumbd";
const char* const kJpeg = "/usr/lib/libjpeg.so.62";

/// Two named tags that share a call site, one site that nobody named, and one that nobody knows.
Report make_report() {
  const Frame main = sample_frame(kProgram, 0x900, "main");
  Site shared =
      sample_site(1, 40, {sample_frame(kProgram, 0x100, "read_file", "src/read.c"), main});
  Site jpeg = sample_site(
      2, 60,
      {inlined(sample_frame(kJpeg, 0x200, "grow")), sample_frame(kJpeg, 0x200, "get"), main});
  Site again = sample_site(3, 10, {sample_frame(kProgram, 0x100, "read_file", "src/read.c"), main});
  Site alone = sample_site(4, 8, {sample_frame(kProgram, 0x300, "start", "src/start.c"), main});
  shared.at_peak_bytes = 300;
  jpeg.at_peak_bytes = 700;
  again.at_peak_bytes = 90;
  again.size_classes = 9;
  shared.size_classes = 3;
  return sample_report({sample_tag("images", "rule", {shared, jpeg}, 1000, 1500),
                        sample_tag("config", "api", {again}, 90, 95),
                        sample_tag("start", "site", {alone}, 80, 85),
                        sample_tag("(more call sites than can be told apart)", "site",
                                   {sample_site(5, 2, {})}, 20, 20)});
}

std::vector<std::string> names_of(const Report& report) {
  std::vector<std::string> names;
  for (const Tag& tag : report.tags) {
    names.push_back(tag.name);
  }
  return names;
}

Report grouped(Grouping grouping) {
  Report report = make_report();
  group_by(report, grouping);
  EXPECT_EQ(wrong_sums(report), "");
  return report;
}

TEST(Grouping, OwnersStayAsTheyAre) {
  EXPECT_THAT(names_of(grouped(Grouping::kOwner)),
              UnorderedElementsAre("images", "config", "start",
                                   "(more call sites than can be told apart)"));
}

TEST(Grouping, BySiteSplitsNamedTags) {
  const Report report = grouped(Grouping::kSite);
  EXPECT_THAT(names_of(report), UnorderedElementsAre("read_file", "get", "start",
                                                     "(more call sites than can be told apart)"));
  const Tag& shared = *tag_or_null(report, "read_file");
  EXPECT_EQ(shared.origin, "site");
  ASSERT_EQ(shared.sites.size(), 1U);
  EXPECT_EQ(shared.figures.allocations, 50U);
  EXPECT_EQ(shared.at_peak_bytes, 390U);
  EXPECT_EQ(shared.sites[0].at_peak_bytes, 390U);
  EXPECT_EQ(shared.sites[0].size_classes, 9U);
  EXPECT_EQ(tag_or_null(report, "get")->at_peak_bytes, 700U);
  EXPECT_EQ(tag_or_null(report, "get")->peak_live_bytes, 700U);
}

TEST(Grouping, WhereOnlyTheSumIsKnownTheLargestSiteHasIt) {
  Report report = make_report();
  report.tags[0].sites[0].at_peak_bytes = 0;
  group_by(report, Grouping::kSite);
  EXPECT_EQ(wrong_sums(report), "");
  EXPECT_EQ(tag_or_null(report, "get")->at_peak_bytes, 1000U);
  EXPECT_EQ(tag_or_null(report, "read_file")->at_peak_bytes, 90U);
}

TEST(Grouping, ByModuleAddsUpWhereTheCallIs) {
  const Report report = grouped(Grouping::kModule);
  EXPECT_THAT(names_of(report), UnorderedElementsAre("thumbd", "libjpeg.so.62", "(not known)"));
  EXPECT_EQ(tag_or_null(report, "thumbd")->figures.allocations, 58U);
  EXPECT_EQ(tag_or_null(report, "thumbd")->sites.size(), 2U);
  EXPECT_EQ(tag_or_null(report, "libjpeg.so.62")->at_peak_bytes, 700U);
}

TEST(Grouping, ByTagHasOneRowForAllOthers) {
  const Report report = grouped(Grouping::kTag);
  EXPECT_THAT(names_of(report), UnorderedElementsAre("images", "config", kNoTag));
  EXPECT_EQ(tag_or_null(report, "images")->peak_live_bytes, 1500U);
  EXPECT_EQ(tag_or_null(report, "images")->origin, "rule");
  const Tag& rest = *tag_or_null(report, kNoTag);
  EXPECT_EQ(rest.origin, "site");
  EXPECT_EQ(rest.sites.size(), 2U);
  EXPECT_EQ(rest.at_peak_bytes, 100U);
  EXPECT_EQ(rest.peak_live_bytes, 100U);
}

TEST(Grouping, ByTagWithNothingElseHasNoOtherRow) {
  Report report = make_report();
  report.tags.resize(2);
  group_by(report, Grouping::kTag);
  EXPECT_THAT(names_of(report), UnorderedElementsAre("images", "config"));
  report.tags.clear();
  group_by(report, Grouping::kTag);
  EXPECT_TRUE(report.tags.empty());
}

TEST(Grouping, OfThousandsOfSitesIsQuick) {
  std::vector<Tag> tags;
  for (uint32_t i = 0; i < 20000; ++i) {
    tags.push_back(
        sample_tag("", "site", {sample_site(i, 1, {sample_frame(kProgram, i, "")})}, 0, 100));
  }
  Report report = sample_report(tags);
  group_by(report, Grouping::kTag);
  EXPECT_EQ(wrong_sums(report), "");
  ASSERT_EQ(report.tags.size(), 1U);
  EXPECT_EQ(report.tags[0].sites.size(), 20000U);
}

}  // namespace
}  // namespace heaptag::tools
