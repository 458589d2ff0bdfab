#include "core/base/edit_distance.h"

#include <gtest/gtest.h>

#include <string>

namespace heaptag {
namespace {

TEST(EditDistance, CountsEdits) {
  EXPECT_EQ(edit_distance("", ""), 0U);
  EXPECT_EQ(edit_distance("func", "func"), 0U);
  EXPECT_EQ(edit_distance("fnc", "func"), 1U) << "insert";
  EXPECT_EQ(edit_distance("libs", "lib"), 1U) << "drop";
  EXPECT_EQ(edit_distance("lob", "lib"), 1U) << "replace";
  EXPECT_EQ(edit_distance("scr", "src"), 1U) << "swap";
  EXPECT_EQ(edit_distance("", "by"), 2U);
  EXPECT_EQ(edit_distance("by", ""), 2U);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);
  EXPECT_EQ(edit_distance("sitting", "kitten"), 3U);
  EXPECT_EQ(edit_distance("HEAPTAG_REPROT", "HEAPTAG_REPORT"), 1U);
}

TEST(EditDistance, LongWordsAreFar) {
  const std::string longest(kLongestWord, 'x');
  EXPECT_EQ(edit_distance(longest, longest), 0U);
  EXPECT_EQ(edit_distance(longest, ""), kLongestWord);
  EXPECT_EQ(edit_distance(longest + "x", longest + "x"), kLongestWord);
  EXPECT_EQ(edit_distance("a", std::string(100000, 'a')), kLongestWord);
}

}  // namespace
}  // namespace heaptag
