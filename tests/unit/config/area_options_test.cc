#include "core/config/area_options.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace heaptag::config {
namespace {

struct Read {
  AreaOptions options;
  std::vector<std::string> complaints;
};

Read read(std::vector<std::string> entries) {
  std::vector<char*> block;
  for (std::string& entry : entries) {
    block.push_back(entry.data());
  }
  block.push_back(nullptr);
  Read result;
  const auto tell = [](void* context, std::string_view name, std::string_view value,
                       std::string_view advice) {
    static_cast<Read*>(context)->complaints.push_back(std::string(name) + "=" + std::string(value) +
                                                      " " + std::string(advice));
  };
  result.options = read_area_options(block.data(), {tell, &result});
  if (!result.options.name_space.empty()) {
    // It is borrowed from the block, which ends here.
    static std::string kept;
    kept = result.options.name_space;
    result.options.name_space = kept;
  }
  return result;
}

TEST(AreaOptions, DefaultsAreTheDocuments) {
  const Read none = read({"PATH=/bin", "HEAPTAG_REPORT=x"});
  EXPECT_EQ(none.options.dialect, AreaDialect::kBe);
  EXPECT_EQ(none.options.fork, AreaFork::kShared);
  EXPECT_TRUE(deletes_foreign(none.options));
  EXPECT_FALSE(deletes_foreign(read({"HEAPTAG_AREAS_DIALECT=haiku"}).options));
  EXPECT_FALSE(deletes_foreign(read({"HEAPTAG_AREAS_FOREIGN_DELETE=0"}).options));
  EXPECT_EQ(none.options.name_space, "");
  EXPECT_TRUE(none.complaints.empty());
}

TEST(AreaOptions, EachIsRead) {
  const Read all = read({"HEAPTAG_AREAS_DIALECT=haiku", "HEAPTAG_AREAS_FORK=be",
                         "HEAPTAG_AREAS_FOREIGN_DELETE=1", "HEAPTAG_AREAS_NAMESPACE=a-B_9"});
  EXPECT_EQ(all.options.dialect, AreaDialect::kHaiku);
  EXPECT_EQ(all.options.fork, AreaFork::kBe);
  EXPECT_TRUE(deletes_foreign(all.options));
  EXPECT_EQ(all.options.name_space, "a-B_9");
  EXPECT_TRUE(all.complaints.empty());
  EXPECT_EQ(read({"HEAPTAG_AREAS_FORK=haiku"}).options.fork, AreaFork::kHaiku);
}

TEST(AreaOptions, WhatIsWrongIsToldAndLeftOut) {
  for (const char* entry :
       {"HEAPTAG_AREAS_DIALECT=BE", "HEAPTAG_AREAS_FORK=copy", "HEAPTAG_AREAS_FOREIGN_DELETE=2",
        "HEAPTAG_AREAS_NAMESPACE=", "HEAPTAG_AREAS_NAMESPACE=../etc", "HEAPTAG_AREAS_NAMESPACE=a.b",
        "HEAPTAG_AREAS_NAMESPACE=123456789012345678901234567890123"}) {
    const Read one = read({entry});
    EXPECT_EQ(one.complaints.size(), 1U) << entry;
    EXPECT_EQ(one.options.dialect, AreaDialect::kBe);
    EXPECT_EQ(one.options.fork, AreaFork::kShared);
    EXPECT_TRUE(deletes_foreign(one.options));
    EXPECT_EQ(one.options.name_space, "");
  }
}

TEST(AreaOptions, TheLibraryOfTheHeapKnowsThem) {
  std::string good = "HEAPTAG_AREAS_DIALECT=haiku";
  std::string bad = "HEAPTAG_AREAS_DIALECT=x";
  std::vector<std::string> told;
  const auto tell = [](void* context, std::string_view name, std::string_view,
                       std::string_view advice) {
    static_cast<std::vector<std::string>*>(context)->push_back(std::string(name) + " " +
                                                               std::string(advice));
  };
  char* block[] = {good.data(), bad.data(), nullptr};
  read_options(block, {tell, &told});
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0], "HEAPTAG_AREAS_DIALECT is neither be nor haiku");
}

}  // namespace
}  // namespace heaptag::config
