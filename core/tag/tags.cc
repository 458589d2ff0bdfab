#include "core/tag/tags.h"

#include <cstring>

#include "core/meta/meta_allocator.h"

namespace heaptag::tag {

namespace {

constexpr size_t kOwnersPerTag = 8;
constexpr std::string_view kOverflowName = "(more tags)";

constinit meta::GrowingTable<wire::TagRecord> table{};
constexpr uint32_t kMoreUnderLimit = 256;
constinit uint32_t count = 1;

std::string_view name_of(const wire::TagRecord& record) {
  return reinterpret_cast<const char*>(record.name);
}

}  // namespace

bool init_tags(size_t owners) {
  const size_t tags = owners / kOwnersPerTag;
  return table.init(tags < kMaxTags ? tags : kMaxTags) && table.grow_to(1);
}

void trim_tags_locked() {
  table.trim_to(count + kMoreUnderLimit);
}

void restore_tags_locked() {
  table.restore();
}

TagId intern_tag_locked(std::string_view name, wire::TagOrigin origin) {
  for (uint32_t i = 1; i < count; ++i) {
    const bool may_share = table[i].origin <= wire::TagOrigin::kApi;
    if (may_share && name_of(table[i]) == name) {
      return TagId{i};
    }
  }
  return make_tag_locked(name, origin);
}

TagId make_tag_locked(std::string_view name, wire::TagOrigin origin) {
  const auto capacity = static_cast<uint32_t>(table.capacity());
  if (count == capacity) {
    return TagId{capacity - 1};
  }
  const char* kept = meta::keep_text(count == capacity - 1 ? kOverflowName : name);
  if (kept[0] == '\0' || !table.grow_to(size_t{count} + 1)) {
    return TagId::kNone;
  }
  table[count].name = reinterpret_cast<uintptr_t>(kept);
  table[count].origin = origin;
  __atomic_store_n(&count, count + 1, __ATOMIC_RELEASE);
  return TagId{count - 1};
}

bool is_shared_tag(TagId tag) {
  return index_of(tag) + 1 >= table.capacity();
}

uint32_t tag_count() {
  return __atomic_load_n(&count, __ATOMIC_ACQUIRE);
}

const uint32_t* tag_count_address() {
  return &count;
}

wire::TagRecord* tags() {
  return table.data();
}

}  // namespace heaptag::tag
