#include "core/config/options.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace heaptag::config {
namespace {

struct Complaint {
  std::string name;
  std::string value;
  std::string advice;
};

class Environment {
 public:
  explicit Environment(std::vector<std::string> entries) : entries_(std::move(entries)) {
    for (std::string& entry : entries_) {
      pointers_.push_back(entry.data());
    }
    pointers_.push_back(nullptr);
  }

  Options read() {
    complaints.clear();
    return read_options(pointers_.data(), {tell, this});
  }

  char** block() { return pointers_.data(); }

  std::vector<Complaint> complaints;

 private:
  static void tell(void* context,
                   std::string_view name,
                   std::string_view value,
                   std::string_view advice) {
    static_cast<Environment*>(context)->complaints.push_back(
        {std::string(name), std::string(value), std::string(advice)});
  }

  std::vector<std::string> entries_;
  std::vector<char*> pointers_;
};

// What is said about one variable, or "" when nothing is.
std::string advice_about(const std::string& entry) {
  Environment environment({entry});
  environment.read();
  if (environment.complaints.empty()) {
    return "";
  }
  EXPECT_EQ(environment.complaints.size(), 1U);
  const Complaint& complaint = environment.complaints[0];
  EXPECT_EQ(complaint.name + "=" + complaint.value, entry);
  return complaint.advice;
}

TEST(Options, NothingIsSetByDefault) {
  Environment environment({"PATH=/bin", "XHEAPTAG_REPORT=a", "heaptag_report=a", "HEAPTAGS=1"});
  const Options options = environment.read();
  EXPECT_TRUE(environment.complaints.empty());
  EXPECT_FALSE(options.any);
  EXPECT_EQ(options.report, nullptr);
  EXPECT_EQ(options.log, nullptr);
  EXPECT_EQ(options.programs, nullptr);
  EXPECT_EQ(options.signal, 0);
  EXPECT_EQ(options.format, Format::kText);
  EXPECT_EQ(options.children, Children::kDefault);
}

TEST(Options, NoEnvironmentAtAll) {
  char* empty[] = {nullptr};
  EXPECT_FALSE(read_options(empty, {}).any);
  EXPECT_FALSE(read_options(nullptr, {}).any);
}

TEST(Options, EveryVariable) {
  Environment environment({"HEAPTAG_REPORT=/tmp/a=b", "HEAPTAG_FORMAT=json", "HEAPTAG_LOG=syslog",
                           "HEAPTAG_PROGRAMS=a*,!ab", "HEAPTAG_CHILDREN=off", "HEAPTAG_ROOT=12",
                           "HEAPTAG_SIGNAL=USR2"});
  const Options options = environment.read();
  EXPECT_TRUE(environment.complaints.empty());
  EXPECT_TRUE(options.any);
  EXPECT_STREQ(options.report, "/tmp/a=b");
  EXPECT_EQ(options.format, Format::kJson);
  EXPECT_STREQ(options.log, "syslog");
  EXPECT_STREQ(options.programs, "a*,!ab");
  EXPECT_EQ(options.children, Children::kOff);
  EXPECT_STREQ(options.root, "12");
  EXPECT_EQ(options.signal, 12);
}

TEST(Options, EveryWord) {
  EXPECT_EQ(Environment({"HEAPTAG_FORMAT=text"}).read().format, Format::kText);
  EXPECT_EQ(Environment({"HEAPTAG_CHILDREN=report"}).read().children, Children::kReport);
  EXPECT_EQ(Environment({"HEAPTAG_CHILDREN=findings"}).read().children, Children::kFindings);
  EXPECT_EQ(Environment({"HEAPTAG_PROGRAMS="}).read().programs, nullptr);
}

TEST(Options, MalformedValuesAreToldAndLeftOut) {
  for (const char* value : {"", "xml", "JSON", "json ", " json", "jsonl", "tex", "1"}) {
    Environment environment({std::string("HEAPTAG_FORMAT=") + value});
    EXPECT_EQ(environment.read().format, Format::kText);
    ASSERT_EQ(environment.complaints.size(), 1U) << value;
    EXPECT_EQ(environment.complaints[0].value, value);
  }
  for (const char* value : {"", "on", "Off", "reports", "report,off"}) {
    Environment environment({std::string("HEAPTAG_CHILDREN=") + value});
    EXPECT_EQ(environment.read().children, Children::kDefault);
    ASSERT_EQ(environment.complaints.size(), 1U) << value;
  }
  for (const char* name : {"HEAPTAG_REPORT=", "HEAPTAG_LOG="}) {
    Environment environment({name});
    const Options options = environment.read();
    EXPECT_EQ(options.report, nullptr);
    EXPECT_EQ(options.log, nullptr);
    ASSERT_EQ(environment.complaints.size(), 1U) << name;
  }
}

TEST(Options, AdviceNamesWhatWouldBeRight) {
  EXPECT_EQ(advice_about("HEAPTAG_FORMAT=xml"), "is not a format: use text, json or snapshot");
  EXPECT_EQ(advice_about("HEAPTAG_CHILDREN=no"), "is none of report, findings, off");
  EXPECT_EQ(advice_about("HEAPTAG_REPORT="), "is empty: give a path");
  EXPECT_EQ(advice_about("HEAPTAG_FORMAT=json"), "");
}

TEST(Options, UnknownNamesGetTheNearest) {
  const auto nearest_of = [](const std::string& name) {
    const std::string advice = advice_about(name + "=x");
    const std::string_view begin = "is not known; the nearest is ";
    EXPECT_TRUE(advice.starts_with(begin)) << advice;
    return advice.substr(begin.size());
  };
  EXPECT_EQ(nearest_of("HEAPTAG_REPROT"), "HEAPTAG_REPORT");
  EXPECT_EQ(nearest_of("HEAPTAG_REPORTS"), "HEAPTAG_REPORT");
  EXPECT_EQ(nearest_of("HEAPTAG_FROMAT"), "HEAPTAG_FORMAT");
  EXPECT_EQ(nearest_of("HEAPTAG_FMT"), "HEAPTAG_FORMAT");
  EXPECT_EQ(nearest_of("HEAPTAG_LOGS"), "HEAPTAG_LOG");
  EXPECT_EQ(nearest_of("HEAPTAG_PROGRAM"), "HEAPTAG_PROGRAMS");
  EXPECT_EQ(nearest_of("HEAPTAG_CHILD"), "HEAPTAG_CHILDREN");
  EXPECT_EQ(nearest_of("HEAPTAG_report"), "HEAPTAG_REPORT");
  EXPECT_NE(nearest_of("HEAPTAG_"), "");
  EXPECT_NE(nearest_of("HEAPTAG_" + std::string(500, 'X')), "");
}

TEST(Options, OneBrokenVariableSpoilsNoOther) {
  Environment environment(
      {"HEAPTAG_NOPE=1", "HEAPTAG_REPORT=r", "HEAPTAG_FORMAT=xml", "HEAPTAG_LOG=l"});
  const Options options = environment.read();
  EXPECT_EQ(environment.complaints.size(), 2U);
  EXPECT_STREQ(options.report, "r");
  EXPECT_STREQ(options.log, "l");
}

TEST(Options, AVariableWithoutAValueIsNone) {
  Environment environment({"HEAPTAG_REPORT"});
  EXPECT_EQ(environment.read().report, nullptr);
  EXPECT_TRUE(environment.complaints.empty());
}

TEST(Options, SetOptionsComeInTheOrderOfTheTable) {
  Environment environment({"HEAPTAG_LOG=l", "HEAPTAG_LOGS=m", "HEAPTAG_REPORT=r"});
  OptionValue values[kMaxOptions];
  ASSERT_EQ(set_options(environment.block(), values), 2U);
  EXPECT_STREQ(values[0].name, "HEAPTAG_REPORT");
  EXPECT_STREQ(values[0].value, "r");
  EXPECT_STREQ(values[1].name, "HEAPTAG_LOG");
  EXPECT_STREQ(values[1].value, "l");
}

TEST(Globs, MatchWholeNames) {
  EXPECT_TRUE(selects("server", "server"));
  EXPECT_FALSE(selects("server", "servers"));
  EXPECT_FALSE(selects("server", "serve"));
  EXPECT_TRUE(selects("*", ""));
  EXPECT_TRUE(selects("*", "anything"));
  EXPECT_TRUE(selects("s*r", "server"));
  EXPECT_TRUE(selects("s*r", "sr"));
  EXPECT_FALSE(selects("s*r", "serverx"));
  EXPECT_TRUE(selects("?erver", "server"));
  EXPECT_FALSE(selects("?server", "server"));
  EXPECT_TRUE(selects("*a*b*c*", "xxaxxbxxbxcxx"));
  EXPECT_FALSE(selects("*a*b*c*", "xxaxxcxxb"));
  EXPECT_TRUE(selects("a**b", "ab"));
  EXPECT_TRUE(selects("*.so?", "x.so.so1"));
  EXPECT_TRUE(selects("a*", "a*b"));
}

TEST(Globs, ALongNameThatNearlyMatchesEnds) {
  EXPECT_FALSE(selects("*a*a*a*a*a*a*a*a*b", std::string(20000, 'a')));
}

TEST(Globs, TheLastThatMatchesDecides) {
  EXPECT_TRUE(selects("a*,!ab", "ac"));
  EXPECT_FALSE(selects("a*,!ab", "ab"));
  EXPECT_FALSE(selects("a*,!ab", "b"));
  EXPECT_TRUE(selects("!ab,a*", "ab"));
  EXPECT_TRUE(selects("x,y", "y"));
  EXPECT_TRUE(selects("a*,!ab*,abc", "abc"));
}

TEST(Globs, OnlyExclusionsSelectTheRest) {
  EXPECT_TRUE(selects("!make", "gcc"));
  EXPECT_FALSE(selects("!make", "make"));
  EXPECT_FALSE(selects("!make,!cc*", "cc1plus"));
  EXPECT_TRUE(selects("!make,!cc*", "ld"));
  EXPECT_FALSE(selects("!make,cc*", "ld")) << "there is an inclusion";
}

TEST(Globs, EmptyPartsMatchNothing) {
  EXPECT_FALSE(selects(",", "a"));
  EXPECT_TRUE(selects(",a,", "a"));
  EXPECT_FALSE(selects("", "a"));
}

}  // namespace
}  // namespace heaptag::config
