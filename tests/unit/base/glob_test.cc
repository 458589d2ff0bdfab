#include "core/base/glob.h"

#include <gtest/gtest.h>

namespace heaptag {
namespace {

TEST(Glob, MatchesWholeTexts) {
  EXPECT_TRUE(glob_matches("", ""));
  EXPECT_FALSE(glob_matches("", "a"));
  EXPECT_TRUE(glob_matches("abc", "abc"));
  EXPECT_FALSE(glob_matches("abc", "abcd"));
  EXPECT_FALSE(glob_matches("abcd", "abc"));
}

TEST(Glob, StarsAndQuestionMarks) {
  EXPECT_TRUE(glob_matches("*", ""));
  EXPECT_TRUE(glob_matches("lib*.so*", "libssl.so.3"));
  EXPECT_TRUE(glob_matches("*aab", "aaab"));
  EXPECT_FALSE(glob_matches("*aab", "aaba"));
  EXPECT_TRUE(glob_matches("a*b*c", "a--b--b-c"));
  EXPECT_TRUE(glob_matches("a?c", "abc"));
  EXPECT_FALSE(glob_matches("a?c", "ac"));
}

TEST(Glob, ClassesOfCharacters) {
  EXPECT_TRUE(glob_matches("x[ab]", "xb"));
  EXPECT_FALSE(glob_matches("x[ab]", "xc"));
  EXPECT_TRUE(glob_matches("x[0-9a]", "x7"));
  EXPECT_TRUE(glob_matches("x[!0-9]", "xa"));
  EXPECT_FALSE(glob_matches("x[!0-9]", "x0"));
  EXPECT_TRUE(glob_matches("*[0-9].so", "lib1-2.so"));
}

TEST(Glob, BracketsThatCloseNothingAreThemselves) {
  EXPECT_TRUE(glob_matches("operator new[]", "operator new[]"));
  EXPECT_TRUE(glob_matches("a[", "a["));
  EXPECT_TRUE(glob_matches("a[b", "a[b"));
}

}  // namespace
}  // namespace heaptag
