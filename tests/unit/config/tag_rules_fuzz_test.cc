// Random texts, made of pieces of the grammar, and what holds for all of them.
// HEAPTAG_TEST_ROUNDS=100 for a long run.
#include <gtest/gtest.h>

#include "tests/fuzz/rule_properties.h"

namespace heaptag::fuzz {
namespace {

constexpr unsigned kTexts = 4000;  // of each seed; all tests together 2 s under sanitizers

class RuleFuzz : public testing::TestWithParam<uint64_t> {};

TEST_P(RuleFuzz, TagRules) {
  Mutator texts(rule_grammar(), GetParam());
  for (unsigned i = 0; i < kTexts * test_rounds(); ++i) {
    const std::string& text = texts.next();
    ASSERT_EQ(broken_property_of_rules(text), "") << testing::PrintToString(text);
  }
}

TEST_P(RuleFuzz, WrapperList) {
  Mutator texts(rule_grammar(), GetParam());
  for (unsigned i = 0; i < kTexts * test_rounds(); ++i) {
    const std::string& text = texts.next();
    ASSERT_EQ(broken_property_of_wrappers(text), "") << testing::PrintToString(text);
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, RuleFuzz, testing::Values(1, 2, 3));

// The properties would notice: a reader that hands out other text is caught.
TEST(RuleProperties, SeeWhatIsWrong) {
  config::Mistake mistake;
  mistake.line = 2;
  mistake.column = 3;
  mistake.what[0] = 'x';
  EXPECT_TRUE(is_sound(mistake, "a\nabc"));
  EXPECT_FALSE(is_sound(mistake, "a\nab"));
  EXPECT_FALSE(is_sound(mistake, "a"));
  mistake.what[1] = '\n';
  EXPECT_FALSE(is_sound(mistake, "a\nabc"));
  const ExactText text("abc");
  EXPECT_TRUE(text.has(text.view()));
  EXPECT_FALSE(text.has("abc"));
}

}  // namespace
}  // namespace heaptag::fuzz
