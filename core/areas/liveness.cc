#include "core/areas/liveness.h"

#include "core/areas/faults.h"
#include "core/areas/memory.h"
#include "core/areas/records.h"
#include "core/areas/registry.h"
#include "core/os/other_process.h"
#include "core/os/shared_memory.h"
#include "core/os/syscall.h"

namespace heaptag::areas {

namespace {

using wire::AreaRecord;
using wire::AreaState;

constexpr long kNotThere = -2;  // ENOENT

bool is_of_system(const AreaRecord& record) {
  return record.team == wire::kSystemTeam && object_of(record).file_id != 0;
}

struct Wanted {
  uint64_t address;
  uint64_t inode;
  bool found;
};

// The program may have closed our descriptor and still have the memory.
bool has_mapping(const AreaRecord& record) {
  Wanted wanted{record.address, object_of(record).inode, false};
  const long result = os::visit_mappings(
      record.owner,
      [](void* context, const os::MappedRange& range) {
        auto* of = static_cast<Wanted*>(context);
        of->found =
            range.inode == of->inode && of->address >= range.start && of->address < range.end;
        return !of->found && range.start <= of->address;
      },
      &wanted);
  return wanted.found || (os::is_error(result) && result != kNotThere);
}

bool is_owner_gone(const AreaRecord& record) {
  const os::ProcessFacts owner = os::look_at_process(record.owner);
  if (!owner.is_running || owner.start_time != record.owner_start) {
    return true;
  }
  os::FileFacts facts;
  const long result = os::read_facts_of_path(path_of_descriptor(record).text, true, &facts);
  if (!os::is_error(result) && facts.inode == object_of(record).inode) {
    return false;
  }
  return !has_mapping(record);
}

void release_dead(AreaRecord* record) {
  release(record);
  fault_point(Fault::sweep_released);
}

}  // namespace

bool is_seen(const AreaRecord& record) {
  return record.pid_namespace == self().pid_namespace || is_of_system(record);
}

bool is_dead(const AreaRecord& record) {
  if (is_own(record) || !is_seen(record)) {
    return false;
  }
  if (is_of_system(record)) {
    os::FileFacts facts;
    return os::is_error(os::read_facts_of_path(path_of_file(object_of(record).file_id).text, false,
                                               &facts)) ||
           facts.inode != object_of(record).inode;
  }
  return is_owner_gone(record);
}

bool is_live(const AreaRecord& record) {
  return record.state == static_cast<uint32_t>(AreaState::kLive) && is_seen(record) &&
         !is_dead(record);
}

AreaRecord* find_live(int32_t id) {
  AreaRecord* record = find_record(id);
  if (record == nullptr || !is_seen(*record)) {
    return nullptr;
  }
  if (is_dead(*record)) {
    release_dead(record);
    return nullptr;
  }
  return is_live(*record) ? record : nullptr;
}

uint32_t sweep() {
  uint32_t count = 0;
  for_each_record([&](AreaRecord* record) {
    if (is_dead(*record)) {
      release_dead(record);
      ++count;
    }
  });
  return count;
}

void release_remains_of(uint32_t pid) {
  for_each_record([&](AreaRecord* record) {
    if (record->owner != pid || record->pid_namespace != self().pid_namespace ||
        !is_owner_gone(*record)) {
      return;
    }
    if (is_of_system(*record)) {
      record->owner = 0;
    } else {
      release_dead(record);
    }
  });
}

void release_own_records() {
  for_each_record([](AreaRecord* record) {
    if (!is_own(*record)) {
      return;
    }
    if (is_of_system(*record)) {
      record->owner = 0;
    } else {
      release(record);
    }
  });
}

}  // namespace heaptag::areas
