#include "core/areas/mapping.h"

#include "core/areas/faults.h"
#include "core/areas/memory.h"
#include "core/areas/placement.h"
#include "core/areas/records.h"
#include "core/base/units.h"
#include "core/os/shared_memory.h"
#include "core/os/syscall.h"
#include "core/os/vm.h"

namespace heaptag::areas {

namespace {

using wire::AreaRecord;
using wire::AreaState;

constexpr int kAttempts = 16;
constexpr long kTaken = -17;        // EEXIST
constexpr long kNotEnough = -12;    // ENOMEM
constexpr long kNotPermitted = -1;  // EPERM: below vm.mmap_min_addr

void* pointer(uintptr_t address) {
  return reinterpret_cast<void*>(address);
}

struct Mapped {
  uintptr_t address = 0;
  size_t reserved_bytes = 0;
  Status problem = kOk;
};

Mapped mapped_at(long result, size_t reserved_bytes) {
  return {static_cast<uintptr_t>(result), reserved_bytes, kOk};
}

Mapped map_anywhere(int fd, size_t size_bytes, uint32_t rights) {
  size_t headroom = with_headroom(size_bytes) - size_bytes;
  for (;;) {
    const long result = os::map_shared(fd, size_bytes + headroom, rights, nullptr);
    if (!os::is_error(result)) {
      return mapped_at(result, size_bytes + headroom);
    }
    if (headroom == 0) {
      return {0, 0, result == kNotEnough ? kNoMemory : kError};
    }
    // Address space runs out before memory does.
    headroom = headroom > kMiB ? headroom / 16 / os::kPageBytes * os::kPageBytes : 0;
  }
}

// Into a gap that starts at `at`, with as much headroom as the gap has.
long map_in_gap(int fd, size_t size_bytes, uint32_t rights, const Gap& gap, size_t* reserved) {
  const size_t wanted = with_headroom(size_bytes);
  *reserved = wanted < gap.size_bytes ? wanted : gap.size_bytes;
  return os::map_shared(fd, *reserved, rights, pointer(gap.start));
}

Mapped map_exactly(int fd, size_t size_bytes, uint32_t rights, uintptr_t at) {
  if (at == 0 || at >= kAddressEnd || kAddressEnd - at < size_bytes) {
    return {0, 0, kBadValue};
  }
  trim_headroom(at, size_bytes);
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const Gap gap = first_gap(at, size_bytes);
    // Below the lowest address that first_gap looks at, or near the stack: as the kernel says.
    const Gap exact = gap.start == at && gap.size_bytes != 0 ? gap : Gap{at, size_bytes};
    size_t reserved = 0;
    const long result = map_in_gap(fd, size_bytes, rights, exact, &reserved);
    if (!os::is_error(result)) {
      return mapped_at(result, reserved);
    }
    if (result != kTaken) {
      return {0, 0, result == kNotEnough ? kNoMemory : kBadValue};
    }
    if (reserved == size_bytes) {
      break;  // really taken
    }
  }
  return {0, 0, kBadValue};
}

Mapped map_from(int fd, size_t size_bytes, uint32_t rights, uintptr_t from) {
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const Gap gap = from < kAddressEnd ? first_gap(from, size_bytes) : Gap{};
    if (gap.size_bytes == 0) {
      break;
    }
    size_t reserved = 0;
    const long result = map_in_gap(fd, size_bytes, rights, gap, &reserved);
    if (!os::is_error(result)) {
      return mapped_at(result, reserved);
    }
    if (result == kNotPermitted) {
      from = gap.start * 2;
    } else if (result != kTaken) {
      return {0, 0, kNoMemory};
    }
  }
  // Haiku takes any place then, be it a lower one.
  return speaks_haiku() ? map_anywhere(fd, size_bytes, rights) : Mapped{0, 0, kNoMemory};
}

long lock_range(const AreaRecord& record, uint64_t from, uint64_t to) {
  if (record.lock == kNoLock) {
    return 0;
  }
  void* at = pointer(record.address + from);
  const bool on_first_use = record.lock == kLazyLock;
  if ((record.protection & (kReadArea | kWriteArea)) != 0 || on_first_use) {
    return os::lock_memory(at, to - from, on_first_use);
  }
  // Pages that nobody may read are not brought in.
  os::protect(at, to - from, os::kMayRead);
  const long result = os::lock_memory(at, to - from, false);
  os::protect(at, to - from, record.protection & kRights);
  return result;
}

}  // namespace

Status map_area(AreaRecord* record, int fd, const Place& place) {
  const size_t size_bytes = object_of(*record).size_bytes;
  const uint32_t rights = record->protection & kRights;
  Mapped mapped;
  if (place.spec == kExactAddress) {
    mapped = map_exactly(fd, size_bytes, rights, place.address);
  } else if (place.spec == kBaseAddress) {
    mapped = map_from(fd, size_bytes, rights, place.address);
  } else {
    mapped = map_anywhere(fd, size_bytes, rights);
  }
  if (mapped.problem != kOk) {
    return mapped.problem;
  }
  record->address = mapped.address;
  record->reserved_bytes = mapped.reserved_bytes;
  record->settled_bytes = size_bytes;
  record->fd = fd;
  fault_point(Fault::area_mapped);
  if (mapped.reserved_bytes > size_bytes) {
    os::leave_out_of_core(pointer(mapped.address + size_bytes), mapped.reserved_bytes - size_bytes);
  }
  if (os::is_error(lock_range(*record, 0, size_bytes))) {
    unmap_area(*record);
    return kNoMemory;
  }
  return kOk;
}

void unmap_area(const AreaRecord& record) {
  os::unmap(pointer(record.address), record.reserved_bytes);
}

Status protect_area(const AreaRecord& record, uint32_t protection) {
  const long result =
      os::protect(pointer(record.address), record.reserved_bytes, protection & kRights);
  return os::is_error(result) ? kError : kOk;
}

bool make_room(AreaRecord* record, size_t size_bytes) {
  if (record->reserved_bytes >= size_bytes) {
    return true;
  }
  if (!is_own(*record)) {
    return false;
  }
  // The headroom is a mapping of its own, because core dumps leave it out.
  const uint64_t start = record->reserved_bytes > record->settled_bytes ? record->settled_bytes : 0;
  const long result = os::grow_mapping(pointer(record->address + start),
                                       record->reserved_bytes - start, size_bytes - start);
  if (os::is_error(result)) {
    return false;
  }
  record->reserved_bytes = size_bytes;
  return true;
}

Status settle(AreaRecord* record) {
  const uint64_t size = object_of(*record).size_bytes;
  const uint64_t old = record->settled_bytes;
  if (size > old) {
    os::put_in_core(pointer(record->address + old), size - old);
    if (os::is_error(lock_range(*record, old, size))) {
      return kNoMemory;
    }
  } else if (size < old) {
    if (record->lock != kNoLock) {
      os::unlock_memory(pointer(record->address + size), old - size);
    }
    os::leave_out_of_core(pointer(record->address + size), old - size);
  }
  record->settled_bytes = size;
  return kOk;
}

void settle_own_areas() {
  for_each_record([](AreaRecord* record) {
    if (!is_own(*record)) {
      return;
    }
    if (record->state == static_cast<uint32_t>(AreaState::kDoomed)) {
      unmap_area(*record);
      close_descriptor(*record);
      release(record);
    } else {
      settle(record);
    }
  });
}

}  // namespace heaptag::areas
