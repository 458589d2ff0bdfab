#include "core/tag/facts.h"

#include <gtest/gtest.h>

#include <atomic>
#include <random>
#include <thread>
#include <vector>

namespace heaptag::tag {
namespace {

TEST(Facts, SayWhatTheyWereMadeOf) {
  EXPECT_FALSE(Facts().is_known());
  const Facts owner = Facts::of_owner(OwnerId{1234567});
  EXPECT_TRUE(owner.is_known() && owner.is_owner() && !owner.is_wrapper());
  EXPECT_EQ(owner.owner(), OwnerId{1234567});
  const int object = 0;
  const Facts conditional = Facts::of_candidates(&object);
  EXPECT_TRUE(conditional.is_known() && !conditional.is_owner() && !conditional.is_wrapper());
  EXPECT_EQ(conditional.candidates<int>(), &object);
}

TEST(Facts, KeepRowsOfWrappers) {
  for (const stack::FrameRow& row :
       {stack::FrameRow{false, 8, 0}, stack::FrameRow{false, 48, 0}, stack::FrameRow{true, 16, 16},
        stack::FrameRow{false, 64, 16}, stack::FrameRow{false, 1 << 20, 0},
        stack::FrameRow{false, 1 << 26, 16}}) {
    const Facts facts = Facts::of_wrapper(row);
    EXPECT_TRUE(facts.is_wrapper() && !facts.is_owner());
    EXPECT_EQ(facts.row().cfa_offset, row.cfa_offset);
    EXPECT_EQ(facts.row().cfa_from_rbp, row.cfa_from_rbp);
    EXPECT_EQ(facts.row().rbp_saved_below, row.rbp_saved_below);
    EXPECT_EQ(facts.has_plain_row(), !row.cfa_from_rbp && row.cfa_offset < (1 << 24));
    if (facts.has_plain_row()) {
      EXPECT_EQ(facts.plain_offset(), row.cfa_offset);
    }
  }
}

TEST(PlainWrapper, SaysWhatItWasMadeOf) {
  for (const uintptr_t pc : {uintptr_t{1}, uintptr_t{0x55aabbccdd01}, (uintptr_t{1} << 47) - 1}) {
    for (const uint32_t offset : {8U, 48U, 65528U}) {
      for (const bool is_nested : {false, true}) {
        const PlainWrapper wrapper(pc, offset, is_nested);
        EXPECT_TRUE(wrapper.is_of(pc));
        EXPECT_FALSE(wrapper.is_of(pc ^ 1) || wrapper.is_of(pc ^ uintptr_t{1} << 46));
        EXPECT_EQ(wrapper.offset(), offset);
        EXPECT_EQ(wrapper.is_called_by_wrappers(), is_nested);
      }
    }
  }
  EXPECT_FALSE(PlainWrapper(uint64_t{0}).is_of(0x1000));
  EXPECT_TRUE(PlainWrapper::has_room_for(65528) && !PlainWrapper::has_room_for(65536));
}

TEST(PlainWrapper, FollowsTheTableOfFacts) {
  constexpr uintptr_t kSite = 0x7f3300000123;
  constexpr stack::FrameRow kRow{false, 48, 0};
  ASSERT_TRUE(add_facts_locked(fact_key(kSite), Facts::of_wrapper(kRow)));
  EXPECT_TRUE(find_plain_wrapper(kSite).is_of(kSite));
  EXPECT_EQ(find_plain_wrapper(kSite).offset(), 48);
  EXPECT_FALSE(find_plain_wrapper(kSite).is_called_by_wrappers());
  note_called_by_wrapper(kSite);
  EXPECT_TRUE(find_plain_wrapper(kSite).is_called_by_wrappers());
  // It is to blame after all.
  ASSERT_TRUE(add_facts_locked(fact_key(kSite), Facts::of_owner(OwnerId{5})));
  EXPECT_FALSE(find_plain_wrapper(kSite).is_of(kSite));
  ASSERT_TRUE(add_facts_locked(fact_key(kSite), Facts::of_wrapper(kRow)));
  EXPECT_TRUE(find_plain_wrapper(kSite).is_of(kSite));
  forget_facts_locked(kSite - 10, kSite + 10);
  EXPECT_FALSE(find_plain_wrapper(kSite).is_of(kSite));
  // A pair with a tag is no address that calls.
  ASSERT_TRUE(add_facts_locked(fact_key(kSite, TagId{3}), Facts::of_wrapper(kRow)));
  EXPECT_FALSE(find_plain_wrapper(kSite).is_of(kSite));
}

TEST(Facts, OfASiteAndOfItsPairsAreDifferentThings) {
  constexpr uintptr_t kSite = 0x7f1234567890;
  ASSERT_TRUE(add_facts_locked(fact_key(kSite), Facts::of_owner(OwnerId{5})));
  ASSERT_TRUE(add_facts_locked(fact_key(kSite, TagId{1}), Facts::of_owner(OwnerId{6})));
  ASSERT_TRUE(add_facts_locked(fact_key(kSite, TagId{0x1ffff}), Facts::of_owner(OwnerId{7})));
  EXPECT_EQ(find_facts(fact_key(kSite)).owner(), OwnerId{5});
  EXPECT_EQ(find_facts(fact_key(kSite, TagId{1})).owner(), OwnerId{6});
  EXPECT_EQ(find_facts(fact_key(kSite, TagId{0x1ffff})).owner(), OwnerId{7});
  EXPECT_FALSE(find_facts(fact_key(kSite, TagId{2})).is_known());
  EXPECT_EQ(site_of_fact_key(fact_key(kSite, TagId{0x1ffff})), kSite);
}

TEST(Facts, OfWhatIsGoneAreForgotten) {
  constexpr uintptr_t kBegin = 0x7f2200000000;
  for (uintptr_t i = 0; i < 3000; ++i) {
    ASSERT_TRUE(add_facts_locked(fact_key(kBegin + 7 * i + 1), Facts::of_owner(OwnerId{9})));
  }
  forget_facts_locked(kBegin, kBegin + 7000);
  for (uintptr_t i = 0; i < 3000; ++i) {
    EXPECT_EQ(find_facts(fact_key(kBegin + 7 * i + 1)).is_known(), i >= 1000) << i;
  }
  // And learned anew.
  ASSERT_TRUE(add_facts_locked(fact_key(kBegin + 1), Facts::of_owner(OwnerId{10})));
  EXPECT_EQ(find_facts(fact_key(kBegin + 1)).owner(), OwnerId{10});
}

// Readers without a lock see nothing or the truth, while the table grows under them.
TEST(Facts, AreReadWhileTheyAreWritten) {
  constexpr uintptr_t kFirst = 0x7f3300000000;
  constexpr uint32_t kCount = 60000;
  std::atomic<uint32_t> written{0};
  std::vector<std::thread> readers;
  for (unsigned t = 0; t < 2; ++t) {
    readers.emplace_back([&, t] {
      std::mt19937 random(t);
      for (uint32_t known = 0; known < kCount; known = written.load()) {
        const uint32_t i = random() % kCount;
        const Facts facts = find_facts(fact_key(kFirst + 5 * uintptr_t{i}));
        if (i < known) {
          ASSERT_TRUE(facts.is_owner());
        }
        if (facts.is_known()) {
          ASSERT_EQ(facts.owner(), OwnerId{i + 2});
        }
      }
    });
  }
  for (uint32_t i = 0; i < kCount; ++i) {
    ASSERT_TRUE(
        add_facts_locked(fact_key(kFirst + 5 * uintptr_t{i}), Facts::of_owner(OwnerId{i + 2})));
    written.store(i + 1);
  }
  for (std::thread& reader : readers) {
    reader.join();
  }
}

}  // namespace
}  // namespace heaptag::tag
