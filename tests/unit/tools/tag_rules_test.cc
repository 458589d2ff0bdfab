// Rules on the command line and in a file; what is wrong with them.
#include "tools/model/tag_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tools/run/tag_check.h"

namespace heaptag::tools {
namespace {

using config::RuleUse;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

class TagRulesFile : public testing::Test {
 protected:
  TagRulesFile() : path_(testing::TempDir() + "tag_rules_test." + std::to_string(getpid())) {}

  ~TagRulesFile() override { std::filesystem::remove(path_); }

  void write(const std::string& text) { std::ofstream(path_, std::ios::binary) << text; }

  std::string path_;
};

TEST(TagRules, AreReadFromTheWord) {
  const TagRules rules("db=lib:libpq*; net=func:net_*,lib:libnet*", RuleUse::kAfterwards);
  EXPECT_THAT(rules.problems(), IsEmpty());
  ASSERT_EQ(rules.rules().size(), 2U);
  EXPECT_EQ(rules.rules()[1].name, "net");
  EXPECT_EQ(rules.rules()[1].matcher_count, 2U);
}

TEST(TagRules, EveryMistakeIsALine) {
  const TagRules rules("a=fnc:x;b=lib:y\nc", RuleUse::kAfterwards);
  ASSERT_EQ(rules.problems().size(), 2U);
  EXPECT_THAT(rules.problems()[0], StartsWith("line 1, column 3: 'fnc:' is no matcher"));
  EXPECT_THAT(rules.problems()[1], StartsWith("line 2, column 1: "));
}

TEST(TagRules, SomeCanOnlyBeAnsweredInTheProgram) {
  EXPECT_EQ(TagRules("a=thread:x", RuleUse::kAfterwards).problems().size(), 1U);
  EXPECT_EQ(TagRules("a=size:1-2", RuleUse::kAfterwards).problems().size(), 1U);
  EXPECT_EQ(TagRules("a=src:x", RuleUse::kAfterwards).problems().size(), 0U);
  EXPECT_EQ(TagRules("a=src:x", RuleUse::kInTarget).problems().size(), 1U);
  EXPECT_EQ(TagRules("a=thread:x", RuleUse::kInTarget).problems().size(), 0U);
}

TEST(TagRules, NoneIsAMistake) {
  for (const char* empty : {"", " ", ";;", "# nothing"}) {
    EXPECT_THAT(TagRules(empty, RuleUse::kAfterwards).problems(),
                ElementsAre(HasSubstr("no rule in it")))
        << empty;
  }
}

TEST_F(TagRulesFile, IsReadBehindAnAt) {
  write("# tags of thumbd\ndb=lib:libpq*   # the database\n\nnet=func:net_*\n");
  const TagRules rules("@" + path_, RuleUse::kAfterwards);
  EXPECT_THAT(rules.problems(), IsEmpty());
  ASSERT_EQ(rules.rules().size(), 2U);
  EXPECT_EQ(rules.rules()[0].text, "db=lib:libpq*");
}

TEST_F(TagRulesFile, IsNamedInItsMistakes) {
  write("db=lib:libpq*\nnet\n");
  EXPECT_THAT(TagRules("@" + path_, RuleUse::kAfterwards).problems(),
              ElementsAre(StartsWith(path_ + ": line 2, column 1: ")));
  write("");
  EXPECT_THAT(TagRules("@" + path_, RuleUse::kAfterwards).problems(),
              ElementsAre(StartsWith(path_ + ": no rule in it")));
  write(std::string((1 << 20) + 1, '\n'));
  EXPECT_THAT(TagRules("@" + path_, RuleUse::kAfterwards).problems(),
              ElementsAre(HasSubstr("more than 1M")));
}

TEST_F(TagRulesFile, MayBeMissing) {
  EXPECT_THAT(TagRules("@" + path_, RuleUse::kAfterwards).problems(),
              ElementsAre("cannot read " + path_ + ": No such file or directory"));
  EXPECT_THAT(TagRules("@/", RuleUse::kAfterwards).problems(),
              ElementsAre("cannot read /: Is a directory"));
  EXPECT_THAT(TagRules("@", RuleUse::kAfterwards).problems(), ElementsAre("no file behind the @"));
}

TEST_F(TagRulesFile, OfRunIsCheckedBeforeTheProgramStarts) {
  testing::internal::CaptureStderr();
  EXPECT_TRUE(check_tag_rules("a=thread:worker*"));
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  testing::internal::CaptureStderr();
  EXPECT_FALSE(check_tag_rules("a=src:x.c"));
  EXPECT_THAT(testing::internal::GetCapturedStderr(),
              StartsWith("heaptag: run: --tags: line 1, column 3: src: works in heaptag report"));
  testing::internal::CaptureStderr();
  EXPECT_FALSE(check_tag_rules("@" + path_));
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "heaptag: run: --tags: cannot read " + path_ + ": No such file or directory\n");
}

TEST(TagRules, OfRunKeepTheirFileWhereverTheProgramGoes) {
  const std::string here = std::filesystem::current_path().string();
  EXPECT_EQ(absolute_tag_rules("@x.rules"), "@" + here + "/x.rules");
  EXPECT_EQ(absolute_tag_rules("@/etc/x.rules"), "@/etc/x.rules");
  EXPECT_EQ(absolute_tag_rules("a=lib:x"), "a=lib:x");
  EXPECT_EQ(absolute_tag_rules("@"), "@");
  EXPECT_EQ(absolute_tag_rules(""), "");
}

}  // namespace
}  // namespace heaptag::tools
