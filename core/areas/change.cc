// delete_area, resize_area and set_area_protection; what the dead leave.
#include "core/areas/areas.h"
#include "core/areas/faults.h"
#include "core/areas/liveness.h"
#include "core/areas/mapping.h"
#include "core/areas/memory.h"
#include "core/areas/placement.h"
#include "core/areas/records.h"
#include "core/areas/rules.h"
#include "core/os/file.h"
#include "core/os/other_process.h"
#include "core/os/shared_memory.h"
#include "core/os/syscall.h"
#include "core/os/vm.h"

namespace heaptag::areas {

namespace {

using wire::AreaRecord;
using wire::AreaState;
using wire::ObjectRecord;

// Its process unmaps it in its next call. Memory that nobody else has is free at once.
void doom(AreaRecord* record) {
  ObjectRecord& object = object_of(*record);
  Status ignored = kOk;
  const int fd = object.references == 1 ? open_memory(*record, &ignored) : -1;
  __atomic_store_n(&record->state, static_cast<uint32_t>(AreaState::kDoomed), __ATOMIC_RELEASE);
  ++header().changes;
  fault_point(Fault::foreign_doomed);
  if (fd >= 0) {
    os::set_file_size(fd, 0);
    object.size_bytes = 0;
    os::close_file(fd);
  }
}

// All who show this memory can show so much of it, or nobody is changed.
bool can_all_show(uint32_t object, size_t size_bytes) {
  for (uint32_t i = 0; i < records_end(); ++i) {
    AreaRecord* record = record_at(i);
    if (!is_sane(*record) || record->object != object ||
        record->state != static_cast<uint32_t>(AreaState::kLive)) {
      continue;
    }
    if (record->reserved_bytes < size_bytes && is_dead(*record)) {
      release(record);
    } else if (!make_room(record, size_bytes)) {
      return false;
    }
  }
  return true;
}

// Of this process; others follow when they call next.
bool settle_sharers(uint32_t object) {
  bool settled = true;
  for_each_record([&](AreaRecord* record) {
    if (record->object == object && is_own(*record)) {
      settled = settle(record) == kOk && settled;
    }
  });
  return settled;
}

}  // namespace

Status remove(int32_t id) {
  const Session session;
  if (!session.is_open()) {
    return kError;
  }
  AreaRecord* record = find_live(id);
  if (record == nullptr) {
    return speaks_haiku() ? kBadValue : kError;
  }
  if (is_own(*record)) {
    unmap_area(*record);
    close_descriptor(*record);
    fault_point(Fault::delete_unmapped);
    release(record);
  } else if (record->team == wire::kSystemTeam) {
    release(record);
  } else if (config::deletes_foreign(settings())) {
    doom(record);
  } else {
    return kBadValue;
  }
  return kOk;
}

Status resize(int32_t id, size_t size_bytes) {
  const Session session;
  if (!session.is_open()) {
    return kError;
  }
  AreaRecord* record = find_live(id);
  if (record == nullptr || size_bytes == 0 || size_bytes % os::kPageBytes != 0) {
    return kBadValue;
  }
  if (!is_own(*record)) {
    return not_own();
  }
  ObjectRecord& object = object_of(*record);
  const size_t old_bytes = object.size_bytes;
  if (size_bytes == old_bytes) {
    return kOk;
  }
  const int fd = own_descriptor(record);
  if (fd < 0) {
    return kError;
  }
  if (size_bytes > old_bytes) {
    const size_t added = size_bytes - old_bytes;
    // That new pages follow the old ones cannot be had.
    if (record->lock == kContiguous || size_bytes >= kAddressEnd ||
        !is_affordable(size_bytes, false) ||
        !is_affordable(added, is_locked_at_once(record->lock)) ||
        (object.file_id != 0 && added > os::room_beside(fd))) {
      return kNoMemory;
    }
    if (!can_all_show(record->object, size_bytes)) {
      return kError;
    }
  }
  fault_point(Fault::resize_checked);
  if (os::is_error(os::set_file_size(fd, size_bytes))) {
    return kNoMemory;
  }
  fault_point(Fault::resize_done);
  object.size_bytes = size_bytes;
  fault_point(Fault::resize_recorded);
  if (!settle_sharers(record->object)) {
    os::set_file_size(fd, old_bytes);
    object.size_bytes = old_bytes;
    settle_sharers(record->object);
    return kNoMemory;
  }
  ++header().changes;
  return kOk;
}

Status set_protection(int32_t id, uint32_t protection) {
  if (!is_protection(protection)) {
    return kBadValue;
  }
  const Session session;
  if (!session.is_open()) {
    return kError;
  }
  AreaRecord* record = find_live(id);
  if (record == nullptr) {
    return kBadValue;
  }
  if (!is_own(*record)) {
    return not_own();
  }
  const Status status = protect_area(*record, protection);
  fault_point(Fault::protection_set);
  if (status == kOk) {
    record->protection = protection;
  }
  return status;
}

Status sweep_all() {
  const Session session;
  return session.is_open() ? static_cast<Status>(sweep()) : kError;
}

// Whoever ends otherwise is found to be dead by those who come across its areas.
void leave() {
  if (!is_in_use()) {
    return;
  }
  const Session session;
  if (session.is_open()) {
    release_own_records();
  }
}

}  // namespace heaptag::areas
