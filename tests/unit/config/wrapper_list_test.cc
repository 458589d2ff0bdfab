#include "core/config/wrapper_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace heaptag::config {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

/// Each wrapper as FUNCTION in LIB, each mistake as LINE:COLUMN what.
struct Reading {
  std::vector<std::string> wrappers;
  std::vector<std::string> mistakes;
};

Reading read(std::string_view text) {
  Reading reading;
  const WrapperVisitor visitor{
      [](void* context, std::string_view function, std::string_view library) {
        static_cast<Reading*>(context)->wrappers.push_back(std::string(function) + " in " +
                                                           std::string(library));
      },
      [](void* context, const Mistake& mistake) {
        static_cast<Reading*>(context)->mistakes.push_back(std::to_string(mistake.line) + ":" +
                                                           std::to_string(mistake.column) + " " +
                                                           mistake.what);
      },
      &reading};
  read_wrapper_list(text, visitor);
  return reading;
}

std::vector<std::string> wrappers_of(std::string_view text) {
  const Reading reading = read(text);
  EXPECT_THAT(reading.mistakes, IsEmpty()) << text;
  return reading.wrappers;
}

std::string mistake_in(std::string_view text) {
  const Reading reading = read(text);
  EXPECT_THAT(reading.wrappers, IsEmpty()) << text;
  EXPECT_EQ(reading.mistakes.size(), 1U) << text;
  return reading.mistakes.empty() ? "" : reading.mistakes[0];
}

TEST(WrapperList, FunctionsAndLibraries) {
  EXPECT_THAT(wrappers_of("xmalloc"), ElementsAre("xmalloc in *"));
  EXPECT_THAT(wrappers_of("my_*@libmy.so*"), ElementsAre("my_* in libmy.so*"));
  EXPECT_THAT(wrappers_of("*@libwrap.so"), ElementsAre("* in libwrap.so"));
  EXPECT_THAT(wrappers_of("xmalloc,xrealloc@a\nxcalloc"),
              ElementsAre("xmalloc in *", "xrealloc in a", "xcalloc in *"));
}

TEST(WrapperList, BlanksAndBlankOnesAreNothing) {
  EXPECT_THAT(wrappers_of({}), IsEmpty());
  EXPECT_THAT(wrappers_of(" ,\t,\r\n,\n"), IsEmpty());
  EXPECT_THAT(wrappers_of(" a @ b , c ,\n d,"), ElementsAre("a in b", "c in *", "d in *"));
}

TEST(WrapperList, Comments) {
  EXPECT_THAT(wrappers_of("# ours, theirs\na, # b\nc,#d\n  # e@'\nf"),
              ElementsAre("a in *", "c in *", "f in *"));
}

TEST(WrapperList, Quotes) {
  EXPECT_THAT(wrappers_of("\"operator new(unsigned long, x)\"@'lib@1,#;.so','a'@b"),
              ElementsAre("operator new(unsigned long, x) in lib@1,#;.so", "a in b"));
  EXPECT_THAT(wrappers_of("'foo@@V1'"), ElementsAre("foo@@V1 in *"));
}

TEST(WrapperList, PlainNamesOfEveryKind) {
  EXPECT_THAT(wrappers_of("libx.so+0x1f,std::string::_M_create,operator==,a b"),
              ElementsAre("libx.so+0x1f in *", "std::string::_M_create in *", "operator== in *",
                          "a b in *"));
  EXPECT_THAT(wrappers_of("foo@@V1,bar@V2@x"), ElementsAre("foo in @V1", "bar in V2@x"));
  EXPECT_THAT(wrappers_of("\xEF\xBB\xBF"
                          "a"),
              ElementsAre("a in *"));
}

TEST(WrapperList, Mistakes) {
  EXPECT_EQ(mistake_in(" @lib"), "1:2 no function before '@'; use *@LIB for all of a library");
  EXPECT_EQ(mistake_in("''"), "1:1 no function between the quotes");
  EXPECT_EQ(mistake_in("''@lib"), "1:1 no function before '@'; use *@LIB for all of a library");
  EXPECT_EQ(mistake_in("\nfoo@"), "2:4 no library behind '@'; leave out the '@' for all");
  EXPECT_EQ(mistake_in("foo@''"), "1:4 no library behind '@'; leave out the '@' for all");
  EXPECT_EQ(mistake_in("'foo,bar"), "1:1 the quote that opens here is not closed");
  EXPECT_EQ(mistake_in("foo@\"lib,bar"), "1:5 the quote that opens here is not closed");
  EXPECT_EQ(mistake_in("'foo'bar@x"), "1:6 'bar' stands behind the closing quote; quote all of it");
  EXPECT_EQ(mistake_in("it's"),
            "1:3 a quote inside of a text; quote all of it with the other kind");
  EXPECT_EQ(mistake_in("a;b"), "1:2 ';' needs quotes around the text");
  EXPECT_EQ(mistake_in("a#b"), "1:2 '#' needs quotes around the text, or a blank before a comment");
}

TEST(WrapperList, WhatFollowsAMistakeIsRead) {
  const Reading reading = read("a,@b,c\nd@'e,f\ng@,h@i");
  EXPECT_THAT(reading.wrappers, ElementsAre("a in *", "c in *", "h in i"));
  EXPECT_THAT(reading.mistakes,
              ElementsAre("1:3 no function before '@'; use *@LIB for all of a library",
                          "2:3 the quote that opens here is not closed",
                          "3:2 no library behind '@'; leave out the '@' for all"));
}

}  // namespace
}  // namespace heaptag::config
