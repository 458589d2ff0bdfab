#include "core/tag/rules.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/tag/tags.h"

namespace heaptag::tag {
namespace {

// Rules are for life: each test begins where the one before it has ended.
class Rules : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(init_tags(4096));
    first_ = rule_count();
  }

  void add(const char* text) {
    config::read_tag_rules(
        text, config::RuleUse::kInTarget,
        {[](void*, const config::TagRule& rule) { EXPECT_TRUE(add_rule(rule)); },
         [](void*, const config::RuleMistake& mistake) { ADD_FAILURE() << mistake.what; },
         nullptr});
  }

  // Numbers from this test's first rule.
  std::vector<int> candidates(const char* path, std::vector<int> functions = {}) const {
    struct Context {
      uint32_t first;
      std::vector<int> functions;
    } context{first_, std::move(functions)};

    const auto has_function = [](const void* of, uint32_t rule) {
      const auto* where = static_cast<const Context*>(of);
      for (const int function : where->functions) {
        if (where->first + static_cast<uint32_t>(function) == rule) {
          return true;
        }
      }
      return false;
    };
    uint16_t found[64];
    const uint16_t count = find_candidates({path, has_function, &context}, found, 64);
    std::vector<int> numbers;
    for (uint16_t i = 0; i < count; ++i) {
      if (found[i] >= first_) {
        numbers.push_back(static_cast<int>(found[i] - first_));
      }
    }
    return numbers;
  }

  uint32_t match(std::vector<int> of, const Call& call, bool* is_steady) const {
    std::vector<uint16_t> numbers;
    for (const int number : of) {
      numbers.push_back(static_cast<uint16_t>(first_ + static_cast<uint32_t>(number)));
    }
    *is_steady = true;
    return first_match(numbers.data(), static_cast<uint16_t>(numbers.size()), call, is_steady) -
           first_;
  }

  uint32_t first_ = 0;
};

TEST_F(Rules, LibrariesGoByNameAndByPath) {
  add("a=lib:librules_one.so*,size:1-;b=lib:/opt/rules/*,size:1-;c=lib:librules*");
  EXPECT_EQ(candidates("/usr/lib/librules_one.so.3"), (std::vector<int>{0, 2}));
  EXPECT_EQ(candidates("/opt/rules/x.so"), (std::vector<int>{1}));
  EXPECT_EQ(candidates("/opt/rules/librules_two.so"), (std::vector<int>{1, 2}));
  EXPECT_TRUE(candidates("/usr/lib/librule.so").empty());
}

TEST_F(Rules, NothingComesAfterOneThatAsksNothing) {
  add("a=lib:libr2*,thread:x;b=lib:libr2*;c=lib:libr2*,size:3");
  EXPECT_EQ(candidates("libr2.so"), (std::vector<int>{0, 1}));
  EXPECT_TRUE(is_conditional(first_));
  EXPECT_FALSE(is_conditional(first_ + 1));
}

TEST_F(Rules, FunctionsAreAskedOfTheSite) {
  add("a=lib:libr3*,func:one_*;b=lib:libr3*,func:two*,func:*_x");
  EXPECT_EQ(candidates("libr3.so", {0}), (std::vector<int>{0}));
  EXPECT_TRUE(candidates("libr3.so").empty());
  EXPECT_TRUE(wants_functions_of(first_, "/lib/libr3.so"));
  EXPECT_FALSE(wants_functions_of(first_, "/lib/other.so"));
  EXPECT_TRUE(function_matches(first_, "one_more"));
  EXPECT_FALSE(function_matches(first_ + 1, "two_y"));
  EXPECT_TRUE(function_matches(first_ + 1, "two_x"));
  EXPECT_TRUE(function_matches(first_, "_Z4one_i"));
}

TEST_F(Rules, FunctionsMayBeCalledByTheirDemangledNames) {
  add("a=lib:libr4*,func:json::Value::*set;b=lib:libr4*,func:*set(int)");
  EXPECT_TRUE(function_matches(first_, "_ZN4json5Value3setEi"));
  EXPECT_TRUE(function_matches(first_ + 1, "_ZN4json5Value3setEi"));
  EXPECT_FALSE(function_matches(first_ + 1, "_ZN4json5Value3setEl"));
  EXPECT_FALSE(function_matches(first_, "_ZN4json3setEi"));
}

TEST_F(Rules, SizesAreSteadyWhereAllOfARangeAgree) {
  add("a=lib:libr5*,size:100-200");
  bool steady = false;
  EXPECT_EQ(match({0}, {0, 150, 145, 159}, &steady), 0U);
  EXPECT_TRUE(steady);
  EXPECT_EQ(match({0}, {0, 100, 97, 111}, &steady), 0U);
  EXPECT_FALSE(steady);
  EXPECT_GT(match({0}, {0, 98, 97, 111}, &steady), 1000U - first_);
  EXPECT_FALSE(steady);
  EXPECT_GT(match({0}, {0, 50, 49, 63}, &steady), 1000U - first_);
  EXPECT_TRUE(steady);
}

TEST_F(Rules, ThreadsGoByTheBitsOfTheirName) {
  add("a=lib:libr6*,thread:worker-*;b=lib:libr6*,thread:*");
  const uint64_t worker = thread_rules_of("worker-3");
  const uint64_t other = thread_rules_of("other");
  EXPECT_TRUE(has_thread_rules());
  EXPECT_NE(worker, other);
  bool steady = false;
  EXPECT_EQ(match({0, 1}, {worker, 8, 8, 8}, &steady), 0U);
  EXPECT_EQ(match({0, 1}, {other, 8, 8, 8}, &steady), 1U);
}

TEST_F(Rules, TagsAreCalledAsTheRuleSaysOrAsTheModule) {
  add("one=lib:libr7a*;*=lib:libr7*,by:module");
  const auto name = [](TagId tag) {
    return std::string(reinterpret_cast<const char*>(tags()[index_of(tag)].name));
  };
  EXPECT_EQ(name(tag_of_rule_locked(first_, "/x/libr7a.so")), "one");
  EXPECT_EQ(name(tag_of_rule_locked(first_ + 1, "/x/libr7b.so.2")), "libr7b.so.2");
  EXPECT_EQ(tag_of_rule_locked(first_ + 1, "/x/libr7b.so.2"),
            tag_of_rule_locked(first_ + 1, "/y/libr7b.so.2"));
  EXPECT_EQ(tag_of_rule(first_ + 1), TagId::kNone);
}

}  // namespace
}  // namespace heaptag::tag
