// area_for, find_area, get_area_info and get_next_area_info.
#include <cstring>

#include "core/areas/areas.h"
#include "core/areas/liveness.h"
#include "core/areas/memory.h"
#include "core/areas/records.h"
#include "core/areas/rules.h"
#include "core/os/other_process.h"

namespace heaptag::areas {

namespace {

using wire::AreaRecord;
using wire::AreaState;

bool has_name(const AreaRecord& record, const AreaName& name) {
  return std::strncmp(record.name, name.text, sizeof(name.text)) == 0;
}

// The live record with the lowest id that `matches`. Dead ones are given back on the way.
template <typename Matches>
AreaRecord* first_live(Matches matches) {
  for (;;) {
    AreaRecord* first = nullptr;
    for_each_record([&](AreaRecord* record) {
      if (record->state == static_cast<uint32_t>(AreaState::kLive) && matches(*record) &&
          is_seen(*record) && (first == nullptr || record->id < first->id)) {
        first = record;
      }
    });
    if (first == nullptr) {
      return nullptr;
    }
    if (AreaRecord* live = find_live(first->id); live != nullptr) {
      return live;
    }
  }
}

void fill(AreaRecord* record, AreaInfo* info) {
  info->resident_bytes = look_at_residency(record);
  const wire::ObjectRecord& object = object_of(*record);
  info->id = record->id;
  info->team = record->team;
  info->address = record->address;
  info->size_bytes = object.size_bytes;
  info->lock = record->lock;
  info->protection = record->protection;
  info->in_count = static_cast<uint32_t>(object.in_count);
  info->out_count = static_cast<uint32_t>(object.out_count);
  std::memcpy(info->name, record->name, sizeof(info->name));
}

}  // namespace

Status find(const char* name) {
  if (name == nullptr) {
    return speaks_haiku() ? kBadAddress : kNameNotFound;
  }
  const AreaName wanted(name);
  const Session session;
  if (!session.is_open()) {
    return kError;
  }
  const AreaRecord* record =
      first_live([&](const AreaRecord& candidate) { return has_name(candidate, wanted); });
  return record == nullptr ? kNameNotFound : record->id;
}

Status area_at(const void* address) {
  const uintptr_t at = reinterpret_cast<uintptr_t>(address);
  const Session session;
  if (!session.is_open()) {
    return kError;
  }
  Status found = kError;
  for_each_record([&](AreaRecord* record) {
    if (is_own(*record) && at - record->address < object_of(*record).size_bytes) {
      found = record->id;
    }
  });
  return found;
}

Status get_info(int32_t id, AreaInfo* info) {
  if (info == nullptr) {
    return bad_pointer();
  }
  const Session session;
  if (!session.is_open()) {
    return kError;
  }
  AreaRecord* record = find_live(id);
  if (record == nullptr) {
    return speaks_haiku() ? kBadTeam : kBadValue;
  }
  fill(record, info);
  return kOk;
}

Status get_next_info(int32_t team, int32_t* cookie, AreaInfo* info) {
  if (cookie == nullptr || info == nullptr) {
    return bad_pointer();
  }
  const int32_t last = *cookie;
  int32_t next = last;
  Status status = kBadValue;
  {
    const Session session;
    if (!session.is_open()) {
      return kError;
    }
    const int32_t wanted = team == 0 ? static_cast<int32_t>(self().pid) : team;
    AreaRecord* record = first_live([&](const AreaRecord& candidate) {
      return candidate.team == wanted && candidate.id > last;
    });
    if (record != nullptr) {
      fill(record, info);
      next = record->id;
      status = kOk;
    } else if (speaks_haiku()) {
      const bool exists =
          wanted == wire::kSystemTeam ||
          (wanted > 0 && os::look_at_process(static_cast<uint32_t>(wanted)).is_running);
      status = exists ? kEntryNotFound : kBadTeam;
    }
  }
  if (status == kOk) {
    *cookie = next;
  }
  return status;
}

}  // namespace heaptag::areas
