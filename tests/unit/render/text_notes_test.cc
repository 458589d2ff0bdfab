#include "core/render/text_notes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/unit/render/text_fixture.h"

namespace heaptag::render {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class TextNotes : public TextReport {
 protected:
  TextNotes() { options_.next_command = "heaptag --help"; }

  /// The first row asks for so many sizes; it has 52 % of the bytes, and hardly a call.
  void suspect(uint32_t size_classes) { sites_[0].size_classes = size_classes; }
};

constexpr char kGolden[] =
    R"(thumbd[4711] exited with status 0 after 12.4 s: peak 401.5M, 1.25M still in use

  peak          401.5M  at 8.1 s          allocations  211,840     allocated  1.01G
  in use        1.25M in 1,288 blocks     frees        210,552     failed     0
  max RSS       438.0M (kernel)           threads      4

   at peak       %    in use  blocks     calls  avg size  owner
    256.0M    63.8         0       0     1,024    512.0K  pixels_alloc           src/pixels.c:88
     96.0M    23.9         0       0     6,144     64.0K  [images]               3 sites
     24.5M     6.1     1.00M     256    16,384      4.0K  cache_insert           src/cache.c:41
     20.0M     5.0         0       0    49,152      1.0K  exif::Reader::field    src/exif.cc:230
      3.0M     0.7    128.0K   1,024   131,072       128  [config]               src/json.cc:77
      2.0M     0.5    128.0K       8     8,064      1.0K  1 more                 (--top 0 shows all)
  --------  ------  --------  ------  --------            ------
    401.5M   100.0     1.25M   1,288   211,840            6 owners, counted, not sampled

  file and line for 5 of 8 sites; missing: libjpeg.so.62 (build-id 1f3c9a…):
  install their debug symbols (Debian: -dbgsym packages)
  never matched: db=lib:libpq*, x=func:y (HEAPTAG_TAGS)
  looks like a wrapper: pixels_alloc (23 sizes, 49% of what was allocated); blame its callers:
    heaptag run --wrappers=pixels_alloc -- ./thumbd ...
  saved: t.json    next: heaptag --help
)";

TEST_F(TextNotes, Golden) {
  const Rule rules[] = {{"images", "images=lib:libjpeg*", 3},
                        {"db", "db=lib:libpq*", 0},
                        {"config", "config=func:json::*", 1},
                        {"x", "x=func:y", 0}};
  const char* const argv[] = {"./thumbd", "--batch"};
  const std::vector<Site> sites(3, sites_[2]);
  report_.rules = rules;
  report_.rule_count = 4;
  report_.process.argv = argv;
  report_.process.argv_count = 2;
  tags_[2].name = "images";
  tags_[2].origin = "rule";
  tags_[2].sites = sites.data();
  tags_[2].site_count = sites.size();
  tags_[5].name = "config";
  tags_[5].origin = "api";
  suspect(23);
  options_.top = 5;
  options_.saved_path = "t.json";
  EXPECT_EQ(text(), kGolden);
}

TEST_F(TextNotes, SitesAreCountedWhereRowsAreSums) {
  EXPECT_THAT(notes(), StartsWith("  file and line for 5 of 6 owners; missing"));
  options_.rows = RowKind::kSite;
  EXPECT_THAT(notes(), StartsWith("  file and line for 5 of 6 sites; missing"));
  for (const RowKind rows : {RowKind::kModule, RowKind::kTag}) {
    options_.rows = rows;
    EXPECT_THAT(notes(), StartsWith("  file and line for 5 of 6 sites; missing"));
  }
  EXPECT_THAT(text(), HasSubstr("  6 tags, counted, not sampled\n"));
}

TEST_F(TextNotes, RulesThatMatchedAreNotNamed) {
  const Rule rule = {"net", "net=lib:libssl*", 1};
  report_.rules = &rule;
  report_.rule_count = 1;
  EXPECT_THAT(text(), Not(HasSubstr("never matched")));
}

TEST_F(TextNotes, ManyAndLongRulesAreCut) {
  const std::string longer = "long=func:" + std::string(100, 'x');
  std::vector<Rule> rules(1, {"long", longer.c_str(), 0});
  for (int i = 0; i < 3; ++i) {
    rules.push_back({"a", "a=func:b", 0});
    rules.push_back({"c", "c=*", 7});
  }
  report_.rules = rules.data();
  report_.rule_count = rules.size();
  options_.rules_from = "--tags";
  EXPECT_THAT(text(), HasSubstr("\n  never matched: " + longer.substr(0, 47) +
                                "…, a=func:b, a=func:b, a=func:b (--tags)\n"));
  for (int i = 0; i < 3; ++i) {
    rules.push_back({"d", "d=\x1B[2J", 0});
  }
  report_.rules = rules.data();
  report_.rule_count = rules.size();
  EXPECT_THAT(text(), HasSubstr(", a=func:b, a=func:b, a=func:b and 3 more (--tags)\n"));
  report_.rules += 7;
  report_.rule_count = 1;
  EXPECT_THAT(text(), HasSubstr("\n  never matched: d=?[2J (--tags)\n"));
}

TEST_F(TextNotes, AWrapperAsksForManySizesAndHasMuch) {
  EXPECT_THAT(text(), Not(HasSubstr("wrapper")));
  suspect(7);
  EXPECT_THAT(text(), Not(HasSubstr("wrapper")));
  suspect(8);
  EXPECT_THAT(text(), HasSubstr("\n  looks like a wrapper: pixels_alloc (8 sizes, 49% of what was "
                                "allocated); blame its callers:\n"
                                "    heaptag run --wrappers=pixels_alloc -- thumbd\n"));
  // 16,384 calls of 211,840 and 6 % of the bytes are not much.
  sites_[0].size_classes = 0;
  sites_[3].size_classes = 40;
  EXPECT_THAT(text(), Not(HasSubstr("wrapper")));
  sites_[5].size_classes = 40;
  EXPECT_THAT(text(), HasSubstr("wrapper: json::Value::set (40 sizes, 61% of the calls); blame"));
}

TEST_F(TextNotes, TheOnlyRowHidesNobody) {
  suspect(23);
  report_.tag_count = 1;
  EXPECT_THAT(text(), Not(HasSubstr("wrapper")));
}

TEST_F(TextNotes, NamedTagsAndSumsAreNoWrappers) {
  suspect(23);
  tags_[0].origin = "rule";
  EXPECT_THAT(text(), Not(HasSubstr("wrapper")));
  tags_[0].origin = "site";
  options_.rows = RowKind::kModule;
  EXPECT_THAT(text(), Not(HasSubstr("wrapper")));
  options_.rows = RowKind::kSite;
  EXPECT_THAT(text(), HasSubstr("wrapper"));
}

/// What `--wrappers=` would be given for the first row.
class TypedWrapper : public TextNotes {
 protected:
  std::string option() {
    suspect(23);
    const std::string all = text();
    const size_t begin = all.find("heaptag run ") + std::string("heaptag run ").size();
    return all.substr(begin, all.find(" -- ") - begin);
  }

  std::string option_for(const char* name, const char* function) {
    tags_[0].name = name;
    frames_[0].function = function;
    return option();
  }
};

TEST_F(TypedWrapper, IsWhatTheListOfWrappersTakes) {
  EXPECT_EQ(option_for("my_get_mem", "my_get_mem"), "--wrappers=my_get_mem");
  EXPECT_EQ(option_for("libjpeg.so.62!get_mem+0x1f", "get_mem"),
            "--wrappers=get_mem@libjpeg.so.62");
  EXPECT_EQ(option_for("libjpeg.so.62!get_mem+0x1f@0x2b7c1", "get_mem"),
            "--wrappers=get_mem@libjpeg.so.62");
  EXPECT_EQ(option_for("libjpeg.so.62+0x2b7c1", nullptr), "--wrappers=libjpeg.so.62+0x2b7c1");
  EXPECT_EQ(option_for("pool::get", "pool::get"), "--wrappers=pool::get");
}

TEST_F(TypedWrapper, IsOneWordOfAShellAndOneOfTheList) {
  const char* templates = "get<int, char[4]>";
  EXPECT_EQ(option_for(templates, templates), "--wrappers='get<int? char?4]>'");
  const char* lambda = "main::{lambda()#1}::operator()";
  EXPECT_EQ(option_for(lambda, lambda), "--wrappers='main::{lambda()?1}::operator()'");
  const char* hostile = "a'$(x)\"\n;@b\xFF";
  EXPECT_EQ(option_for(hostile, hostile), "--wrappers='a?$(x)????b?'");
  const std::string longer = std::string(62, 'n') + "ää" + std::string(900, 'n');
  EXPECT_EQ(option_for(longer.c_str(), longer.c_str()),
            "--wrappers='" + std::string(62, 'n') + "ä*'");
}

TEST_F(TypedWrapper, ThoseGivenAlreadyStay) {
  const Option given = {"HEAPTAG_WRAPPERS", "old_one,older@libx*"};
  report_.options = &given;
  report_.option_count = 1;
  EXPECT_EQ(option_for("get", "get"), "--wrappers='old_one,older@libx*,get'");
}

TEST_F(TypedWrapper, SeveralAreJoined) {
  set_rows({{"w1", 9, 0, 0, 10, 30, "a.c", 1},
            {"libx.so!w2+0x10", 8, 0, 0, 10, 20, "a.c", 2},
            {"libx.so!w2+0x20", 7, 0, 0, 10, 21, "a.c", 3},
            {"w3", 6, 0, 0, 30, 1, "a.c", 4},
            {"w4", 5, 0, 0, 40, 15, "a.c", 5},
            {"small", 4, 0, 0, 1, 1, "a.c", 6}});
  for (Site& site : sites_) {
    site.size_classes = 10;
  }
  sites_[2].size_classes = 12;
  frames_[1].function = frames_[2].function = "w2";
  EXPECT_EQ(option(), "--wrappers=w4,w3,w1");
  tags_[4].origin = "rule";
  // w2 has 30 % of the bytes, but neither of its places a fifth.
  EXPECT_EQ(option(), "--wrappers=w3,w1");
  set_rows({{"w1", 9, 0, 0, 10, 30, "a.c", 1},
            {"libx.so!w2+0x10", 8, 0, 0, 10, 29, "a.c", 2},
            {"libx.so!w2+0x20", 7, 0, 0, 10, 28, "a.c", 3}});
  for (Site& site : sites_) {
    site.size_classes = 10;
  }
  sites_[2].size_classes = 12;
  frames_[1].function = frames_[2].function = "w2";
  EXPECT_EQ(option(), "--wrappers=w2@libjpeg.so.62,w1");
  EXPECT_THAT(text(), HasSubstr("\n  look like wrappers: w2@libjpeg.so.62 (12 sizes, 66% of the "
                                "calls), w1 (23 sizes, 34% of what was allocated); blame their "
                                "callers:\n"));
}

}  // namespace
}  // namespace heaptag::render
