#include "core/areas/placement.h"

#include "core/areas/records.h"
#include "core/base/units.h"
#include "core/os/other_process.h"
#include "core/os/process.h"
#include "core/os/shared_memory.h"
#include "core/os/vm.h"

namespace heaptag::areas {

namespace {

constexpr uintptr_t kLowest = 64 * kKiB;  // vm.mmap_min_addr of most systems
constexpr size_t kStackRoom = 8 * kMiB;   // below where the stack has grown to
constexpr size_t kLeastHeadroom = kGiB;
constexpr size_t kMostHeadroom = 64 * kGiB;
constexpr size_t kHeadroomFactor = 16;

struct Search {
  uintptr_t from;
  size_t size_bytes;
  Gap found;
};

}  // namespace

Gap first_gap(uintptr_t from, size_t size_bytes) {
  Search search{from < kLowest ? kLowest : from, size_bytes, {}};
  os::visit_mappings(
      os::process_id(),
      [](void* context, const os::MappedRange& range) {
        auto* of = static_cast<Search*>(context);
        const uintptr_t room = range.is_stack ? kStackRoom : 0;
        if (range.start >= kAddressEnd) {
          return false;  // the kernel's
        }
        const uintptr_t start = range.start > room ? range.start - room : 0;
        if (start > of->from && start - of->from >= of->size_bytes) {
          of->found = {of->from, start - of->from};
          return false;
        }
        of->from = range.end > of->from ? range.end : of->from;
        return true;
      },
      &search);
  if (search.found.size_bytes == 0 && search.from < kAddressEnd &&
      kAddressEnd - search.from >= size_bytes) {
    search.found = {search.from, kAddressEnd - search.from};
  }
  return search.found;
}

void trim_headroom(uintptr_t at, size_t size_bytes) {
  for_each_record([&](wire::AreaRecord* record) {
    const uintptr_t used_end = record->address + object_of(*record).size_bytes;
    const uintptr_t end = record->address + record->reserved_bytes;
    // The request may begin below the area: then it hits the area itself, or ends before it.
    if (is_own(*record) && at >= used_end && at < end && size_bytes != 0) {
      // With what lies behind the request: headroom has no holes.
      os::unmap(reinterpret_cast<void*>(at), end - at);
      record->reserved_bytes = at - record->address;
    }
  });
}

size_t with_headroom(size_t size_bytes) {
  if (os::address_space_limit() != SIZE_MAX) {
    return size_bytes;
  }
  size_t headroom =
      size_bytes > kMostHeadroom / kHeadroomFactor ? kMostHeadroom : size_bytes * kHeadroomFactor;
  headroom = headroom < kLeastHeadroom ? kLeastHeadroom : headroom;
  return size_bytes + headroom;
}

}  // namespace heaptag::areas
