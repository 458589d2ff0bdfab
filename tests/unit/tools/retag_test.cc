// Tag rules that are applied to a report afterwards.
#include "tools/model/retag.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/tools/report_samples.h"
#include "tools/model/naming.h"
#include "tools/model/tag_rules.h"

namespace heaptag::tools {
namespace {

using testing::UnorderedElementsAre;

const char* const kProgram = "/usr/bin/thumbd";
const char* const kJpeg = "/usr/lib/libjpeg.so.62";

Report make_report() {
  Frame mangled = sample_frame(kProgram, 0x100, "exif::Reader::field", "src/exif/reader.cc");
  mangled.symbol = "_ZN4exif6Reader5fieldEi";
  Frame grow = inlined(sample_frame(kJpeg, 0x200, "grow", "/usr/include/jpeg/buffer.h"));
  grow.symbol = "_ZL4growi";
  const Frame main = sample_frame(kProgram, 0x900, "main", "src/main.c");
  Site one = sample_site(1, 40, {mangled, main});
  Site two = sample_site(2, 60, {grow, sample_frame(kJpeg, 0x200, "get", "jpeg/get.c"), main});
  Site three = sample_site(3, 10, {sample_frame(kProgram, 0x300, "net_read", "src/net.c"), main});
  two.at_peak_bytes = 700;
  three.at_peak_bytes = 100;
  Report report = sample_report(
      {sample_tag("exif::Reader::field", "site", {one}, 400, 450),
       sample_tag("io", "api", {two, three}, 800, 950),
       sample_tag("start", "site", {sample_site(4, 8, {sample_frame("", 0x7f00, "")})}, 80, 85)});
  report.rules = {{"io", "io=lib:nothing", 0}};
  report.tags[1].limit_bytes = 4096;
  return report;
}

Report retagged(const std::string& rules) {
  const TagRules read(rules, config::RuleUse::kAfterwards);
  EXPECT_TRUE(read.problems().empty()) << read.problems()[0];
  Report report = make_report();
  retag(report, read.rules());
  EXPECT_EQ(wrong_sums(report), "") << rules;
  return report;
}

/// The tags that rules have made, and "-" for all others.
std::vector<std::string> ruled(const std::string& rules) {
  std::vector<std::string> names;
  const Report report = retagged(rules);
  for (const Tag& tag : report.tags) {
    if (tag.origin == "rule") {
      names.push_back(tag.name);
    }
  }
  return names;
}

uint64_t calls_of(const std::string& rules, const std::string& name) {
  const Report report = retagged(rules);
  const Tag* tag = tag_or_null(report, name);
  return tag == nullptr ? 0 : tag->figures.allocations;
}

TEST(Retag, LibraryByBaseNameOrPath) {
  EXPECT_EQ(calls_of("a=lib:libjpeg*", "a"), 60U);
  EXPECT_EQ(calls_of("a=lib:/usr/lib/*", "a"), 60U);
  EXPECT_EQ(calls_of("a=lib:lib", "a"), 0U);
  // The call site decides, not its callers.
  EXPECT_EQ(calls_of("a=lib:thumbd", "a"), 50U);
}

TEST(Retag, FunctionAsShownOrAsTheLinkerHasIt) {
  EXPECT_EQ(calls_of("a=func:exif::*", "a"), 40U);
  EXPECT_EQ(calls_of("a=func:_ZN4exif*", "a"), 40U);
  EXPECT_EQ(calls_of("a=func:get", "a"), 60U);
  EXPECT_EQ(calls_of("a=func:grow", "a"), 60U) << "inlined at the call site";
  EXPECT_EQ(calls_of("a=func:_ZL4grow*", "a"), 60U);
  EXPECT_EQ(calls_of("a=func:main", "a"), 0U) << "a caller";
}

TEST(Retag, SourceByAnyEndOfItsPath) {
  for (const char* glob : {"reader.cc", "exif/reader.cc", "src/exif/reader.cc", "src/*", "read*"}) {
    EXPECT_GE(calls_of(std::string("a=src:") + glob, "a"), 40U) << glob;
  }
  EXPECT_EQ(calls_of("a=src:eader.cc", "a"), 0U);
  EXPECT_EQ(calls_of("a=src:buffer.h", "a"), 60U);
  EXPECT_EQ(calls_of("a=src:/usr/include/*", "a"), 60U);
  EXPECT_EQ(calls_of("a=src:main.c", "a"), 0U);
}

TEST(Retag, AllMatchersHoldAndTheFirstRuleWins) {
  EXPECT_EQ(calls_of("a=lib:thumbd,src:net.c", "a"), 10U);
  EXPECT_EQ(calls_of("a=lib:libjpeg*,src:net.c", "a"), 0U);
  EXPECT_EQ(calls_of("a=src:net.c;b=lib:thumbd", "a"), 10U);
  EXPECT_EQ(calls_of("a=src:net.c;b=lib:thumbd", "b"), 40U);
  EXPECT_EQ(calls_of("a=src:net.c;a=func:get", "a"), 70U) << "a name may have several rules";
  EXPECT_EQ(calls_of("a=*", "a"), 118U);
}

TEST(Retag, ByModuleMakesATagOfEach) {
  EXPECT_THAT(ruled("*=by:module"), UnorderedElementsAre("thumbd", "libjpeg.so.62"));
  EXPECT_THAT(ruled("net=func:net_*;*=by:module"),
              UnorderedElementsAre("net", "thumbd", "libjpeg.so.62"));
  // What lies in no module keeps its tag.
  EXPECT_NE(tag_or_null(retagged("*=by:module"), "start"), nullptr);
}

TEST(Retag, WhatNoRuleMatchesKeepsItsTag) {
  const Report report = retagged("net=func:net_*");
  ASSERT_EQ(report.tags.size(), 4U);
  const Tag& rest = *tag_or_null(report, "io");
  EXPECT_EQ(rest.origin, "api");
  EXPECT_EQ(rest.figures.allocations, 60U);
  EXPECT_EQ(rest.at_peak_bytes, 700U);
  EXPECT_EQ(rest.peak_live_bytes, 700U) << "950 were of both";
  EXPECT_EQ(rest.limit_bytes, 0U) << "so was the limit";
  EXPECT_EQ(tag_or_null(report, "net")->at_peak_bytes, 100U);
}

TEST(Retag, AWholeTagKeepsItsPeak) {
  Report report = retagged("other=func:nothing");
  EXPECT_EQ(tag_or_null(report, "io")->peak_live_bytes, 950U);
  EXPECT_EQ(tag_or_null(report, "io")->limit_bytes, 4096U);
  report = retagged("all_io=func:get;all_io=func:net_*");
  EXPECT_EQ(tag_or_null(report, "all_io")->peak_live_bytes, 950U);
  EXPECT_EQ(tag_or_null(report, "all_io")->at_peak_bytes, 800U);
  EXPECT_EQ(tag_or_null(report, "all_io")->limit_bytes, 0U);
  report = retagged("one=lib:thumbd");
  EXPECT_EQ(tag_or_null(report, "one")->at_peak_bytes, 500U);
  EXPECT_EQ(tag_or_null(report, "one")->peak_live_bytes, 500U);
}

TEST(Retag, ANameIsOneTagWhoeverGaveIt) {
  const Report report = retagged("io=func:exif::*");
  EXPECT_EQ(report.tags.size(), 2U);
  EXPECT_EQ(tag_or_null(report, "io")->origin, "rule");
  EXPECT_EQ(tag_or_null(report, "io")->figures.allocations, 110U);
  EXPECT_EQ(tag_or_null(report, "io")->at_peak_bytes, 1200U);
  EXPECT_EQ(tag_or_null(report, "io")->peak_live_bytes, 1200U);
}

TEST(Retag, TheRulesAreThoseOfTheReport) {
  const Report report = retagged("net = func:net_* ; never=lib:x;all=lib:*;late=lib:thumbd");
  ASSERT_EQ(report.rules.size(), 4U);
  EXPECT_EQ(report.rules[0].name, "net");
  EXPECT_EQ(report.rules[0].text, "net = func:net_*");
  EXPECT_EQ(report.rules[0].matched_sites, 1U);
  EXPECT_EQ(report.rules[1].matched_sites, 0U);
  EXPECT_EQ(report.rules[2].matched_sites, 2U);
  EXPECT_EQ(report.rules[3].matched_sites, 0U) << "an earlier rule was faster";
}

TEST(Retag, OwnersGiveWayToNamesOfTags) {
  Report report = retagged("exif::Reader::field=func:net_*");
  name_owners(report);
  EXPECT_NE(tag_or_null(report, "thumbd!exif::Reader::field+0x1f"), nullptr);
  EXPECT_EQ(tag_or_null(report, "exif::Reader::field")->origin, "rule");
}

}  // namespace
}  // namespace heaptag::tools
