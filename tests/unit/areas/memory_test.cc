// What the machine cannot show without swap: pages that go out and come back, as samples.
#include "core/areas/memory.h"

#include <gtest/gtest.h>

namespace heaptag::areas {
namespace {

constexpr size_t kPage = 4096;

TEST(Evicted, RisesAndFallsAreCounted) {
  wire::ObjectRecord object{};
  note_evicted(&object, 0, kPage);
  EXPECT_EQ(object.out_count, 0U);
  EXPECT_EQ(object.in_count, 0U);
  note_evicted(&object, 5 * kPage, kPage);
  EXPECT_EQ(object.out_count, 5U);
  note_evicted(&object, 5 * kPage, kPage);
  EXPECT_EQ(object.out_count, 5U);
  EXPECT_EQ(object.in_count, 0U);
  note_evicted(&object, 2 * kPage, kPage);
  EXPECT_EQ(object.in_count, 3U);
  note_evicted(&object, 4 * kPage, kPage);
  EXPECT_EQ(object.out_count, 7U);
  EXPECT_EQ(object.in_count, 3U);
}

}  // namespace
}  // namespace heaptag::areas
