// The table of OSMalloc's tags: handles, slots and ids of tags. No test of this binary may use the
// table up for good, so that the order of tests does not matter.
#include "core/zone/os_tag.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <set>
#include <thread>
#include <vector>

namespace heaptag::zone {
namespace {

constexpr int kResting = 1024;

OsTag* make_tag(const char* name, TagId id = TagId::kNone) {
  OsTag* tag = take_os_tag();
  if (tag != nullptr) {
    std::strcpy(tag->name, name);
    tag->account.tag = id;
    tag->serial = new_serial();
    EXPECT_TRUE(change_phase(tag, OsPhase::kChanging, OsPhase::kLive));
  }
  return tag;
}

void free_tag(OsTag* tag) {
  EXPECT_TRUE(change_phase(tag, OsPhase::kLive, OsPhase::kReleased));
  EXPECT_TRUE(change_phase(tag, OsPhase::kReleased, OsPhase::kChanging));
  bury_os_tag(tag);
}

TEST(OsTag, OnlyItsOwnAddressIsATag) {
  OsTag* tag = make_tag("mine");
  ASSERT_NE(tag, nullptr);
  EXPECT_TRUE(is_os_tag(tag));
  const char* address = reinterpret_cast<const char*>(tag);
  for (const ptrdiff_t offset : {1, 8, 16, 63, 64, -1, -8}) {
    if (offset % static_cast<ptrdiff_t>(sizeof(OsTag)) != 0) {
      EXPECT_FALSE(is_os_tag(address + offset)) << offset;
    }
  }
  EXPECT_FALSE(is_os_tag(nullptr));
  EXPECT_FALSE(is_os_tag(&tag));
  EXPECT_FALSE(is_os_tag(reinterpret_cast<const void*>(UINTPTR_MAX)));
  EXPECT_FALSE(is_os_tag(address - (size_t{number_of(tag)} + 1) * sizeof(OsTag)));
  free_tag(tag);
  EXPECT_TRUE(is_os_tag(tag));  // its phase says the rest
  EXPECT_EQ(phase_of(tag), OsPhase::kDead);
}

TEST(OsTag, SlotsRestBeforeTheyAreUsedAgain) {
  OsTag* first = make_tag("rests");
  ASSERT_NE(first, nullptr);
  free_tag(first);
  for (int i = 0; i < kResting; ++i) {
    OsTag* other = make_tag("other");
    ASSERT_NE(other, nullptr);
    ASSERT_NE(other, first) << i;
    free_tag(other);
  }
}

TEST(OsTag, FreedOnesLeaveRoomForAnyNumber) {
  for (int i = 0; i < 20'000; ++i) {
    OsTag* tag = make_tag("churn");
    ASSERT_NE(tag, nullptr) << i;
    free_tag(tag);
  }
}

TEST(OsTag, RecordsLeadToTheirTags) {
  OsTag* first = make_tag("first");
  OsTag* second = make_tag("second");
  ASSERT_TRUE(first != nullptr && second != nullptr);
  allocator::BlockRecord record{};
  record.freed_at = number_of(first);
  EXPECT_EQ(os_tag_of(&record), first);
  record.freed_at = number_of(second);
  EXPECT_EQ(os_tag_of(&record), second);
  free_tag(first);
  free_tag(second);
}

TEST(OsTag, AnIdIsInheritedOnceAndByItsName) {
  free_tag(make_tag("leaves an id", TagId{77}));
  EXPECT_EQ(inherit_tag_id("leaves an i"), TagId::kNone);
  EXPECT_EQ(inherit_tag_id("another name"), TagId::kNone);
  EXPECT_EQ(inherit_tag_id("leaves an id"), TagId{77});
  EXPECT_EQ(inherit_tag_id("leaves an id"), TagId::kNone);
}

TEST(OsTag, TheIdOfALiveOneIsItsOwn) {
  OsTag* tag = make_tag("lives", TagId{78});
  EXPECT_EQ(inherit_tag_id("lives"), TagId::kNone);
  free_tag(tag);
  EXPECT_EQ(inherit_tag_id("lives"), TagId{78});
}

TEST(OsTag, AreWalkedInTheOrderOfCreation) {
  std::vector<OsTag*> tags;
  for (int i = 0; i < 20; ++i) {
    tags.push_back(make_tag("walked"));
  }
  const uint64_t before = tags.front()->serial - 1;
  free_tag(tags[7]);
  EXPECT_TRUE(change_phase(tags[9], OsPhase::kLive, OsPhase::kReleased));
  const uint64_t gone = tags[7]->serial;
  std::vector<OsTag*> walked;
  uint64_t serial = before;
  for (OsTag* tag; (tag = next_os_tag(serial)) != nullptr; serial = tag->serial) {
    walked.push_back(tag);
  }
  EXPECT_EQ(next_os_tag(gone), tags[8]);
  EXPECT_TRUE(change_phase(tags[9], OsPhase::kReleased, OsPhase::kLive));
  tags.erase(tags.begin() + 7);
  EXPECT_EQ(walked, tags);
  for (OsTag* tag : tags) {
    free_tag(tag);
  }
  EXPECT_EQ(next_os_tag(serial), nullptr);
}

// No slot is anybody else's, and no id is inherited twice.
TEST(OsTag, ThreadsShareNothing) {
  constexpr int kThreads = 4;
  constexpr int kTags = 200;
  constexpr int kIds = 100;
  for (int i = 0; i < kIds; ++i) {
    free_tag(make_tag("of threads", TagId{static_cast<uint32_t>(1000 + i)}));
  }
  std::vector<OsTag*> tags[kThreads];
  std::vector<TagId> ids[kThreads];
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kTags; ++i) {
        tags[t].push_back(make_tag("of a thread"));
        const TagId id = inherit_tag_id("of threads");
        if (id != TagId::kNone) {
          ids[t].push_back(id);
        }
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  std::set<OsTag*> all;
  std::set<uint64_t> serials;
  std::set<TagId> all_ids;
  size_t given = 0;
  for (int t = 0; t < kThreads; ++t) {
    all.insert(tags[t].begin(), tags[t].end());
    all_ids.insert(ids[t].begin(), ids[t].end());
    given += ids[t].size();
  }
  EXPECT_EQ(all.size(), size_t{kThreads} * kTags);
  EXPECT_EQ(all.count(nullptr), 0U);
  EXPECT_EQ(all_ids.size(), size_t{kIds});
  EXPECT_EQ(given, size_t{kIds});
  for (OsTag* tag : all) {
    serials.insert(tag->serial);
    free_tag(tag);
  }
  EXPECT_EQ(serials.size(), all.size());
}

}  // namespace
}  // namespace heaptag::zone
