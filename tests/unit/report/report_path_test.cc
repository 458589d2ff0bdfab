#include "core/report/report_path.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>

namespace heaptag::report {
namespace {

class ReportPath : public testing::Test {
 protected:
  void SetUp() override {
    char folder[] = "/tmp/heaptag_test.XXXXXX";
    ASSERT_NE(mkdtemp(folder), nullptr);
    folder_ = folder;
  }

  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string path(const std::string& name) const { return folder_ + "/" + name; }

  void make(const std::string& name) const { std::ofstream(path(name)) << "mine"; }

  std::string write(const std::string& name, bool is_whole = true) {
    const std::string whole = path(name);
    const int fd = file_.open(whole);
    EXPECT_GE(fd, 0);
    EXPECT_EQ(::write(fd, "text", 4), 4);
    EXPECT_EQ(file_.close(is_whole), 0);
    return std::string(file_.name()).substr(folder_.size() + 1);
  }

  std::set<std::string> names() const {
    std::set<std::string> found;
    for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
      found.insert(entry.path().filename());
    }
    return found;
  }

  std::string folder_;
  ReportFile file_;
};

TEST_F(ReportPath, HasItsNameWhenItIsWhole) {
  const std::string whole = path("r");
  const int fd = file_.open(whole);
  ASSERT_GE(fd, 0);
  EXPECT_EQ(names(), std::set<std::string>{"r.part"});
  EXPECT_EQ(::write(fd, "text", 4), 4);
  EXPECT_EQ(file_.close(true), 0);
  EXPECT_EQ(names(), std::set<std::string>{"r"});
}

TEST_F(ReportPath, NothingIsLeftOfWhatIsNotWhole) {
  write("r", false);
  EXPECT_EQ(names(), std::set<std::string>{});
}

TEST_F(ReportPath, NamesGoOn) {
  make("r.1");
  make("r.3.part");
  EXPECT_EQ(write("r"), "r");
  EXPECT_EQ(write("r"), "r.2");
  EXPECT_EQ(write("r"), "r.4");
  EXPECT_EQ(write("n%n.txt"), "n0.txt");
  EXPECT_EQ(write("n%n.txt"), "n1.txt");
}

TEST_F(ReportPath, BeginAgainWhenReportsAreGone) {
  EXPECT_EQ(write("r"), "r");
  EXPECT_EQ(write("r"), "r.1");
  EXPECT_EQ(write("r"), "r.2");
  std::filesystem::remove(path("r.2"));
  std::filesystem::remove(path("r"));
  EXPECT_EQ(write("r"), "r");
  EXPECT_EQ(write("r"), "r.2");
}

TEST_F(ReportPath, SomebodyElseTakesTheNameMeanwhile) {
  const std::string whole = path("r");
  ASSERT_GE(file_.open(whole), 0);
  make("r");
  make("r.1");
  EXPECT_EQ(file_.close(true), 0);
  EXPECT_EQ(std::string(file_.name()), path("r.2"));
  EXPECT_EQ(names(), (std::set<std::string>{"r", "r.1", "r.2"}));
}

TEST_F(ReportPath, WhatIsNoFileIsWrittenTo) {
  ASSERT_EQ(mkfifo(path("pipe").c_str(), 0600), 0);
  const std::string pipe = path("pipe");
  EXPECT_EQ(file_.open(pipe), -6) << "nobody reads";
  EXPECT_EQ(file_.open(folder_), -21);
  const std::string nowhere = path("no/folder");
  EXPECT_EQ(file_.open(nowhere), -2);
  EXPECT_EQ(std::string(file_.name()), nowhere);
  EXPECT_GE(file_.open("/dev/null"), 0);
  EXPECT_EQ(file_.close(true), 0);
  EXPECT_EQ(names(), std::set<std::string>{"pipe"});
}

TEST_F(ReportPath, TooLong) {
  const std::string long_path = path(std::string(5000, 'x'));
  EXPECT_EQ(file_.open(long_path), -36);
}

TEST(Placeholders, UnknownOnes) {
  EXPECT_EQ(unknown_placeholder("/tmp/%e.%p.%n.%t.%h.%%"), '\0');
  EXPECT_EQ(unknown_placeholder("100%"), '\0');
  EXPECT_EQ(unknown_placeholder("%%q"), '\0');
  EXPECT_EQ(unknown_placeholder("%e.%q.%z"), 'q');
  EXPECT_EQ(unknown_placeholder("% "), ' ');
  EXPECT_EQ(unknown_placeholder(""), '\0');
}

}  // namespace
}  // namespace heaptag::report
