#include "core/report/descriptor.h"

#include <cstring>

#include "core/allocator/peak.h"
#include "core/allocator/stray.h"
#include "core/allocator/threads.h"
#include "core/heap/address_map.h"
#include "core/heap/page_heap.h"
#include "core/meta/meta_allocator.h"
#include "core/os/clock.h"
#include "core/os/process.h"
#include "core/tag/modules.h"
#include "core/tag/owners.h"
#include "core/tag/rules.h"
#include "core/tag/tags.h"
#include "core/wire/tables.h"
#include "core/zone/zone.h"

// Found by name in the library's dynamic symbols; the version in it, not in its name, tells its
// layout.
extern "C" __attribute__((visibility("default"))) heaptag::wire::Descriptor heaptag_descriptor;
constinit heaptag::wire::Descriptor heaptag_descriptor{};

namespace heaptag::report {

namespace {

template <typename T>
uint64_t address_of(const T* object) {
  return reinterpret_cast<uintptr_t>(object);
}

}  // namespace

void publish_descriptor() {
  wire::Descriptor& descriptor = heaptag_descriptor;
  descriptor.tables_version = wire::kTablesVersion;
  descriptor.descriptor_bytes = sizeof(wire::Descriptor);
  descriptor.start_ns = os::realtime_ns();
  descriptor.owners = address_of(tag::owners());
  descriptor.owner_count = address_of(tag::owner_count_address());
  descriptor.modules = address_of(tag::modules());
  descriptor.module_count = address_of(tag::module_count_address());
  descriptor.threads = address_of(allocator::first_thread_address());
  descriptor.peak = address_of(&allocator::peak_record());
  descriptor.metadata_bytes = address_of(meta::mapped_bytes_address());
  descriptor.owner_stride = sizeof(wire::OwnerRecord);
  descriptor.module_stride = sizeof(wire::ModuleRecord);
  descriptor.counters_stride = sizeof(wire::OwnerCounters);
  descriptor.bin_chunk_bytes = sizeof(wire::BinChunk);
  descriptor.threads_ever = address_of(allocator::threads_ever_address());
  descriptor.used_pages = address_of(heap::used_pages_address());
  descriptor.dirty_pages = address_of(heap::dirty_pages_address());
  descriptor.span_page_bytes = heap::kSpanPageBytes;
  descriptor.lost_offset = offsetof(allocator::ThreadState, lost);
  descriptor.unseen_offset = offsetof(allocator::ThreadState, listable_bytes_max);
  descriptor.unseen_bytes = allocator::kLeastChangeBytes;
  descriptor.tags = address_of(tag::tags());
  descriptor.tag_count = address_of(tag::tag_count_address());
  descriptor.rules = address_of(tag::rules_address());
  descriptor.rule_count = address_of(tag::rule_count_address());
  descriptor.zones = address_of(zone::zone_records());
  descriptor.zone_count = zone::kZones;
  descriptor.outside_bytes = address_of(&allocator::outside_usable_bytes());
  publish_process_id();
  // Last: whoever sees the magic may believe the rest.
  std::memcpy(descriptor.magic, wire::kMagic, sizeof(wire::kMagic));
}

void publish_process_id() {
  heaptag_descriptor.pid = os::process_id();
}

}  // namespace heaptag::report
