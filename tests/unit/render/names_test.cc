#include "core/render/names.h"
#include "core/base/text.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

namespace heaptag::render {
namespace {

std::vector<std::string> names_of(const std::vector<NameRequest>& owners) {
  std::vector<const char*> names(owners.size());
  std::vector<uint32_t> scratch(name_scratch_words(owners.size()), 0xDEADBEEF);
  std::vector<char> chars(name_chars(owners));
  EXPECT_TRUE(name_owners(owners, names, scratch, chars));
  return {names.begin(), names.end()};
}

NameRequest site(const char* function, uint64_t at, const char* module, uint64_t offset) {
  NameRequest request;
  request.function = function;
  request.function_offset = at;
  request.module = module;
  request.offset = offset;
  return request;
}

using Names = std::vector<std::string>;

TEST(Names, AUniqueFunctionIsEnough) {
  EXPECT_EQ(names_of({site("f", 0x1f, "/bin/a", 0x10), site("g", 1, "/bin/a", 0x20)}),
            (Names{"f", "g"}));
}

TEST(Names, TheModuleAndTheOffsetTellEqualFunctionsApart) {
  EXPECT_EQ(names_of({site("f", 0x1f, "/bin/a", 0x10), site("f", 0x2f, "/bin/a", 0x20),
                      site("f", 0x1f, "/lib/b.so", 0x10), site("g", 1, "/bin/a", 0x30)}),
            (Names{"a!f+0x1f", "a!f+0x2f", "b.so!f+0x1f", "g"}));
}

TEST(Names, WithoutASymbolOrAModule) {
  EXPECT_EQ(names_of({site(nullptr, 0, "/lib/b.so", 0x2b7c1), site("", 0, "/lib/b.so", 0x2b7c2),
                      site(nullptr, 0, nullptr, 0x7f3a40012368), site("jit", 4, nullptr, 0x10),
                      site("jit", 8, nullptr, 0x14)}),
            (Names{"b.so+0x2b7c1", "b.so+0x2b7c2", "0x7f3a40012368", "jit+0x4", "jit+0x8"}));
}

TEST(Names, TwoStaticFunctionsOfOneName) {
  EXPECT_EQ(names_of({site("init", 0x8, "/bin/a", 0x108), site("init", 0x8, "/bin/a", 0x208)}),
            (Names{"a!init+0x8@0x108", "a!init+0x8@0x208"}));
}

TEST(Names, TwoModulesOfOneBaseName) {
  EXPECT_EQ(names_of({site("f", 1, "/a/x.so", 0x10), site("f", 1, "/b/x.so", 0x10),
                      site(nullptr, 0, "/a/x.so", 0x20), site(nullptr, 0, "/b/x.so", 0x20)}),
            (Names{"/a/x.so!f+0x1@0x10", "/b/x.so!f+0x1@0x10", "/a/x.so+0x20", "/b/x.so+0x20"}));
}

TEST(Names, GivenNamesStayAsTheyAre) {
  NameRequest given;
  given.given = "net";
  EXPECT_EQ(names_of({site("net", 1, "/bin/a", 0x10), given, given}),
            (Names{"a!net+0x1", "net", "net"}));
}

TEST(Names, AreUniqueEvenWhenNothingTellsOwnersApart) {
  std::vector<NameRequest> owners(100, site("f", 1, "/bin/a", 0x10));
  owners.resize(200);
  owners.push_back(site("/bin/a!f+0x1@0x10#1", 0, nullptr, 0));
  owners.push_back(site("a!f+0x1", 0, nullptr, 0));
  const Names names = names_of(owners);
  EXPECT_EQ(std::set<std::string>(names.begin(), names.end()).size(), owners.size());
}

TEST(Names, ManyOwners) {
  std::vector<std::string> functions;
  for (int i = 0; i < 20000; ++i) {
    functions.push_back("function_" + std::to_string(i % 7000));
  }
  std::vector<NameRequest> owners;
  for (size_t i = 0; i < functions.size(); ++i) {
    owners.push_back(site(functions[i].c_str(), i % 5, i % 2 ? "/a/x.so" : "/b/x.so", i));
  }
  const Names names = names_of(owners);
  EXPECT_EQ(std::set<std::string>(names.begin(), names.end()).size(), owners.size());
}

TEST(Names, SayWhenTheMemoryIsTooSmall) {
  const std::vector<NameRequest> owners(3, site("f", 1, "/bin/a", 0x10));
  std::vector<const char*> names(3, "old");
  std::vector<uint32_t> scratch(name_scratch_words(3));
  std::vector<char> chars(name_chars(owners) - 1);
  EXPECT_FALSE(name_owners(owners, names, scratch, chars));
  EXPECT_EQ(names[0], nullptr);
  EXPECT_TRUE(name_owners({}, {}, scratch, {}));
}

TEST(Names, BaseName) {
  EXPECT_STREQ(base_name("/a/b.so"), "b.so");
  EXPECT_STREQ(base_name("b.so"), "b.so");
  EXPECT_STREQ(base_name("/a/"), "/a/");
  EXPECT_STREQ(base_name(nullptr), "");
}

}  // namespace
}  // namespace heaptag::render
