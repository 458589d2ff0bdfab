#include "core/areas/records.h"

#include <cstring>

#include "core/areas/faults.h"
#include "core/areas/liveness.h"
#include "core/areas/memory.h"
#include "core/areas/registry.h"
#include "core/os/file.h"
#include "core/os/vm.h"

namespace heaptag::areas {

using wire::AreaRecord;
using wire::AreaState;
using wire::ObjectRecord;

namespace {

constexpr uintptr_t kAddressSpaceEnd = uintptr_t{1} << 47;

bool is_state(const AreaRecord& record, AreaState state) {
  return record.state == static_cast<uint32_t>(state);
}

void set_state(AreaRecord* record, AreaState state) {
  __atomic_store_n(&record->state, static_cast<uint32_t>(state), __ATOMIC_RELEASE);
}

void shorten() {
  auto& of = header();
  while (of.areas_end != 0 && is_state(area_records()[of.areas_end - 1], AreaState::kFree)) {
    --of.areas_end;
  }
  while (of.objects_end != 0 && object_records()[of.objects_end - 1].inode == 0) {
    --of.objects_end;
  }
}

}  // namespace

bool is_sane(const AreaRecord& record) {
  return (is_state(record, AreaState::kLive) || is_state(record, AreaState::kDoomed)) &&
         record.id > 0 && record.object < header().objects_end &&
         object_records()[record.object].inode != 0 && record.address % os::kPageBytes == 0 &&
         record.address < kAddressSpaceEnd && record.reserved_bytes % os::kPageBytes == 0 &&
         record.reserved_bytes < kAddressSpaceEnd &&
         object_records()[record.object].size_bytes < kAddressSpaceEnd &&
         std::memchr(record.name, '\0', sizeof(record.name)) != nullptr;
}

ObjectRecord& object_of(const AreaRecord& record) {
  return object_records()[record.object];
}

uint32_t records_end() {
  return header().areas_end;
}

AreaRecord* record_at(uint32_t index) {
  return area_records() + index;
}

AreaRecord* find_record(int32_t id) {
  for (uint32_t i = 0; i < records_end(); ++i) {
    AreaRecord* record = record_at(i);
    if (record->id == id && is_sane(*record)) {
      return record;
    }
  }
  return nullptr;
}

bool is_own(const AreaRecord& record) {
  const Self& us = self();
  return record.owner == us.pid && record.owner_start == us.start_time &&
         record.pid_namespace == us.pid_namespace;
}

AreaRecord* new_record(uint32_t object) {
  auto& of = header();
  for (int attempt = 0; attempt < 2; ++attempt) {
    uint32_t index = 0;
    while (index < of.areas_end && !is_state(area_records()[index], AreaState::kFree)) {
      ++index;
    }
    if (index < wire::kMaxAreas && back_records(index + 1, of.objects_end)) {
      of.areas_end = index < of.areas_end ? of.areas_end : index + 1;
      AreaRecord* record = area_records() + index;
      std::memset(record, 0, sizeof(*record));
      record->object = object;
      record->fd = -1;
      record->owner = self().pid;
      record->owner_start = self().start_time;
      record->pid_namespace = self().pid_namespace;
      return record;
    }
    sweep();
  }
  return nullptr;
}

void publish(AreaRecord* record) {
  fault_point(Fault::area_filled);
  ++object_of(*record).references;
  ++self().areas;
  set_state(record, AreaState::kLive);
  fault_point(Fault::area_live);
}

void drop_object(uint32_t index) {
  ObjectRecord& object = object_records()[index];
  if (object.file_id != 0) {
    os::remove_file(path_of_file(object.file_id).text);
  }
  fault_point(Fault::object_dropped);
  std::memset(&object, 0, sizeof(object));
  shorten();
}

void release(AreaRecord* record) {
  const uint32_t index = record->object;
  ObjectRecord& object = object_records()[index];
  if (is_own(*record) && self().areas != 0) {
    --self().areas;
  }
  set_state(record, AreaState::kFree);
  fault_point(Fault::delete_freed);
  if (object.references > 1) {
    --object.references;
    shorten();
  } else {
    drop_object(index);
  }
}

uint32_t new_object(uint64_t inode, uint64_t size_bytes, int32_t file_id) {
  auto& of = header();
  for (int attempt = 0; attempt < 2; ++attempt) {
    uint32_t index = 0;
    while (index < of.objects_end && object_records()[index].inode != 0) {
      ++index;
    }
    if (index < wire::kMaxAreas && back_records(of.areas_end, index + 1)) {
      ObjectRecord& object = object_records()[index];
      std::memset(&object, 0, sizeof(object));
      object.size_bytes = size_bytes;
      object.file_id = file_id;
      of.objects_end = index < of.objects_end ? of.objects_end : index + 1;
      __atomic_store_n(&object.inode, inode, __ATOMIC_RELEASE);
      fault_point(Fault::object_recorded);
      return index;
    }
    sweep();
  }
  return UINT32_MAX;
}

uint32_t find_object(uint64_t inode) {
  for (uint32_t i = 0; i < header().objects_end; ++i) {
    if (object_records()[i].inode == inode) {
      return i;
    }
  }
  return UINT32_MAX;
}

void repair_records() {
  auto& of = header();
  for (uint32_t i = 0; i < of.objects_end; ++i) {
    object_records()[i].references = 0;
  }
  for (uint32_t i = 0; i < of.areas_end; ++i) {
    AreaRecord* record = area_records() + i;
    if (is_sane(*record)) {
      ++object_of(*record).references;
    } else {
      set_state(record, AreaState::kFree);
    }
  }
  for (uint32_t i = 0; i < of.objects_end; ++i) {
    ObjectRecord& object = object_records()[i];
    if (object.inode != 0 && object.references == 0) {
      drop_object(i);
    }
  }
  shorten();
  if (of.making_file != 0) {
    bool is_known = false;
    for (uint32_t i = 0; i < of.objects_end; ++i) {
      is_known = is_known || object_records()[i].file_id == of.making_file;
    }
    if (!is_known) {
      os::remove_file(path_of_file(of.making_file).text);
    }
    of.making_file = 0;
  }
  for_each_record([](AreaRecord* record) { measure(record); });
}

}  // namespace heaptag::areas
