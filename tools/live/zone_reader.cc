#include "tools/live/zone_reader.h"

#include <fmt/core.h>

#include "tools/live/find_descriptor.h"
#include "tools/live/live_error.h"
#include "tools/live/remote_memory.h"

namespace heaptag::tools {
namespace {

constexpr uint64_t kMostZones = 16;
constexpr uint64_t kMostBuckets = 64;
constexpr uint32_t kMostTags = 1 << 20;

void read_buckets(RemoteMemory& memory, const wire::Descriptor& descriptor, ZoneFigures* zone) {
  if (descriptor.zone_count > kMostZones) {
    throw LiveError(fmt::format("process {} changed while it was read", memory.pid()));
  }
  for (uint64_t i = 0; i < descriptor.zone_count; ++i) {
    const auto record =
        memory.value<wire::ZoneRecord>(descriptor.zones + i * sizeof(wire::ZoneRecord));
    if (record.name == 0 || record.bucket_count > kMostBuckets ||
        memory.text(record.name) != "mtype") {
      continue;
    }
    zone->buckets.resize(record.bucket_count);
    memory.read(record.buckets, zone->buckets.data(),
                record.bucket_count * sizeof(wire::BucketRecord));
    zone->large_bytes = record.large_bytes;
  }
}

void read_types(RemoteMemory& memory, const wire::Descriptor& descriptor, ZoneFigures* zone) {
  const auto tag_count = memory.value<uint32_t>(descriptor.tag_count);
  if (tag_count > kMostTags) {
    throw LiveError(fmt::format("process {} changed while it was read", memory.pid()));
  }
  std::vector<wire::TagRecord> tags(tag_count);
  memory.read(descriptor.tags, tags.data(), tags.size() * sizeof(wire::TagRecord));
  for (const wire::TagRecord& tag : tags) {
    if (tag.origin == wire::TagOrigin::kMtype && tag.account != 0) {
      zone->types.push_back(
          {memory.text(tag.name), memory.value<wire::AccountRecord>(tag.account)});
    }
  }
}

}  // namespace

ZoneFigures read_mtype_zone(pid_t pid) {
  RemoteMemory memory(pid);
  const wire::Descriptor descriptor = find_descriptor(memory);
  ZoneFigures zone;
  read_buckets(memory, descriptor, &zone);
  read_types(memory, descriptor, &zone);
  return zone;
}

}  // namespace heaptag::tools
