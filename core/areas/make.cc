// create_area and clone_area.
#include <cstring>

#include "core/areas/areas.h"
#include "core/areas/contiguous.h"
#include "core/areas/faults.h"
#include "core/areas/liveness.h"
#include "core/areas/mapping.h"
#include "core/areas/memory.h"
#include "core/areas/placement.h"
#include "core/areas/records.h"
#include "core/areas/registry.h"
#include "core/areas/rules.h"
#include "core/base/units.h"
#include "core/os/file.h"
#include "core/os/vm.h"

namespace heaptag::areas {

namespace {

using wire::AreaRecord;

// Both functions: the address that was asked for, as a place.
Status read_place(uint32_t spec, const void* address, Place* place) {
  if (speaks_haiku() && spec == kRandomizedAnyAddress) {
    spec = kAnyAddress;
  } else if (speaks_haiku() && spec == kRandomizedBaseAddress) {
    spec = kBaseAddress;
  }
  place->spec = spec;
  if (spec == kAnyAddress) {
    return kOk;
  }
  if (spec != kExactAddress && spec != kBaseAddress) {
    return kBadValue;
  }
  uintptr_t at = reinterpret_cast<uintptr_t>(address);
  if (speaks_haiku() && at < kAddressEnd) {
    at = align_up(at, os::kPageBytes);
  }
  place->address = at;
  return at % os::kPageBytes == 0 ? kOk : kBadValue;
}

// The part that both have in common, once there is memory: a record for it, mapped and published.
// `record` has its owner, and nothing else.
Status make_area(AreaRecord* record, int32_t id, const AreaName& name, int fd, const Place& place) {
  record->id = id;
  std::memcpy(record->name, name.text, sizeof(record->name));
  const Status mapped = map_area(record, fd, place);
  if (mapped != kOk) {
    return mapped;
  }
  publish(record);
  return id;
}

}  // namespace

Status create(const char* name,
              void** address,
              uint32_t spec,
              size_t size_bytes,
              uint32_t lock,
              uint32_t protection) {
  if (name == nullptr || address == nullptr) {
    return bad_pointer();
  }
  const AreaName own_name(name);
  const bool of_system = spec == kAnyKernelAddress && !speaks_haiku();
  Place place;
  if (const Status status = read_place(of_system ? kAnyAddress : spec, *address, &place);
      status != kOk) {
    return status;
  }
  if (lock > k32BitContiguous || !is_protection(protection)) {
    return kBadValue;
  }
  if (speaks_haiku() && size_bytes < kAddressEnd) {
    size_bytes = align_up(size_bytes, os::kPageBytes);
  }
  if (size_bytes == 0 || size_bytes % os::kPageBytes != 0) {
    return kBadValue;
  }
  // Memory below 16 MB, or 4 GB, is not for programs to have.
  if (lock >= kLomem || size_bytes >= kAddressEnd ||
      !is_affordable(size_bytes, is_locked_at_once(lock))) {
    return kNoMemory;
  }
  uintptr_t made_at = 0;
  Status status = kError;
  {
    const Session session;
    if (!session.is_open()) {
      return kError;
    }
    const int32_t id = next_id();
    const NewMemory memory = make_memory(id, own_name.view(), size_bytes, of_system);
    if (memory.fd < 0) {
      return memory.problem;
    }
    status = lock == kContiguous ? make_contiguous(memory.fd, size_bytes) : kOk;
    AreaRecord* record = status == kOk ? new_record(memory.object) : nullptr;
    if (record != nullptr) {
      record->team = of_system ? wire::kSystemTeam : static_cast<int32_t>(self().pid);
      record->lock = lock;
      record->protection = protection;
      status = make_area(record, id, own_name, memory.fd, place);
      made_at = record->address;
    } else if (status == kOk) {
      status = kNoMemory;
    }
    if (status < 0) {
      os::close_file(memory.fd);
      drop_object(memory.object);
    }
  }
  if (status > 0) {
    *address = reinterpret_cast<void*>(made_at);
  }
  return status;
}

Status clone(
    const char* name, void** address, uint32_t spec, uint32_t protection, int32_t source_id) {
  if (name == nullptr || address == nullptr) {
    return bad_pointer();
  }
  const AreaName own_name(name);
  const bool at_same_address = spec == kCloneAddress && !speaks_haiku();
  Place place;
  if (const Status status = read_place(at_same_address ? kAnyAddress : spec, *address, &place);
      status != kOk) {
    return status;
  }
  if (!is_protection(protection)) {
    return kBadValue;
  }
  uintptr_t made_at = 0;
  Status status = kError;
  {
    const Session session;
    if (!session.is_open()) {
      return kError;
    }
    const AreaRecord* source = find_live(source_id);
    if (source == nullptr) {
      return kBadValue;
    }
    if (speaks_haiku() && !may_clone(*source, protection)) {
      return kNotAllowed;
    }
    if (at_same_address) {
      place = {kExactAddress, source->address};
    }
    const int fd = open_memory(*source, &status);
    if (fd < 0) {
      return status;
    }
    fault_point(Fault::clone_opened);
    AreaRecord* record = new_record(source->object);
    status = kNoMemory;
    if (record != nullptr) {
      record->team = static_cast<int32_t>(self().pid);
      record->lock = source->lock;
      record->protection = protection;
      status = make_area(record, next_id(), own_name, fd, place);
      made_at = record->address;
    }
    if (status > 0) {
      object_of(*record).was_cloned = 1;
    } else {
      os::close_file(fd);
    }
  }
  if (status > 0) {
    *address = reinterpret_cast<void*>(made_at);
  }
  return status;
}

}  // namespace heaptag::areas
