#include "core/areas/fork.h"

#include "core/areas/faults.h"
#include "core/areas/liveness.h"
#include "core/areas/mapping.h"
#include "core/areas/memory.h"
#include "core/areas/records.h"
#include "core/areas/registry.h"
#include "core/base/units.h"
#include "core/os/file.h"
#include "core/os/robust_lock.h"
#include "core/os/shared_memory.h"
#include "core/os/signals.h"
#include "core/os/syscall.h"
#include "core/os/vm.h"

namespace heaptag::areas {

namespace {

using wire::AreaRecord;
using wire::AreaState;
using wire::ObjectRecord;

// An area as it was before the fork. The parent may have deleted it before the child looks.
struct Inherited {
  AreaRecord record;
  ObjectRecord object;
  bool is_copied;
  int copy;  // descriptor of the copy; negative: there was no memory for one
};

// The forking thread's, from prepare to the end in either process.
constinit bool has_session = false;
constinit uint64_t mask = 0;
constinit Inherited* inherited = nullptr;
constinit uint32_t count = 0;
constinit size_t list_bytes = 0;

bool has_to_be_copied(const AreaRecord& record) {
  switch (settings().fork) {
    case config::AreaFork::kShared:
      return false;
    case config::AreaFork::kHaiku:
      return object_of(record).was_cloned == 0;
    case config::AreaFork::kBe:
      return true;
  }
  return false;
}

void list_areas() {
  list_bytes = align_up(self().areas * sizeof(Inherited) + 1, os::kPageBytes);
  inherited = static_cast<Inherited*>(os::map_pages(list_bytes));
  if (inherited == nullptr) {
    return;  // the child has the memory, and no ids
  }
  for_each_record([](AreaRecord* record) {
    if (!is_own(*record) || record->state != static_cast<uint32_t>(AreaState::kLive) ||
        (count + 1) * sizeof(Inherited) > list_bytes) {
      return;
    }
    own_descriptor(record);
    Inherited& area = inherited[count++];
    area = {*record, object_of(*record), has_to_be_copied(*record), -1};
    if (area.is_copied) {
      area.copy = copy_memory(*record);
    }
  });
}

void forget_list() {
  if (inherited != nullptr) {
    os::unmap(inherited, list_bytes);
  }
  inherited = nullptr;
  count = 0;
}

uint32_t object_in_child(const Inherited& area) {
  if (!area.is_copied) {
    const uint32_t index = area.record.object;
    if (index < header().objects_end && object_records()[index].inode == area.object.inode) {
      return index;
    }
    const uint32_t known = find_object(area.object.inode);
    return known != UINT32_MAX
               ? known
               : new_object(area.object.inode, area.object.size_bytes, area.object.file_id);
  }
  os::FileFacts facts;
  return os::is_error(os::read_facts(area.copy, &facts))
             ? UINT32_MAX
             : new_object(facts.inode, facts.size_bytes, 0);
}

// The mapping shows the copy from now on.
bool show_copy(const Inherited& area) {
  void* at = reinterpret_cast<void*>(area.record.address);
  const size_t size_bytes = area.object.size_bytes;
  os::close_file(area.record.fd);
  if (area.copy < 0 || os::is_error(os::map_shared_over(area.copy, area.record.reserved_bytes,
                                                        area.record.protection & kRights, at))) {
    os::unmap(at, area.record.reserved_bytes);  // a fault is better than somebody else's memory
    return false;
  }
  if (area.record.reserved_bytes > size_bytes) {
    os::leave_out_of_core(reinterpret_cast<void*>(area.record.address + size_bytes),
                          area.record.reserved_bytes - size_bytes);
  }
  return true;
}

void register_in_child(const Inherited& area) {
  if (area.is_copied && !show_copy(area)) {
    return;
  }
  const uint32_t object = object_in_child(area);
  AreaRecord* record = object == UINT32_MAX ? nullptr : new_record(object);
  if (record == nullptr) {
    return;
  }
  const AreaRecord ours = *record;
  *record = area.record;
  record->state = ours.state;
  record->object = object;
  record->owner = ours.owner;
  record->owner_start = ours.owner_start;
  record->pid_namespace = ours.pid_namespace;
  record->team = static_cast<int32_t>(ours.owner);
  record->id = next_id();
  record->fd = area.is_copied ? area.copy : area.record.fd;
  // Locks are not inherited: the child's are set again, as far as its limit allows.
  record->settled_bytes = record->lock == kNoLock ? area.record.settled_bytes : 0;
  fault_point(Fault::fork_registering);
  publish(record);
  settle(record);
}

}  // namespace

void prepare_fork() {
  has_session = is_in_use() && Session::begin();
  mask = has_session ? session_mask() : os::block_signals();
  if (has_session && self().areas != 0) {
    list_areas();
  }
  hold_opening();
  fault_point(Fault::fork_prepared);
}

void after_fork_in_parent() {
  release_opening();
  for (uint32_t i = 0; i < count; ++i) {
    if (inherited[i].copy >= 0) {
      os::close_file(inherited[i].copy);
    }
  }
  forget_list();
  if (has_session) {
    Session::end();
  } else {
    os::set_signal_mask(mask);
  }
}

// The parent's thread gives the lock back, or the kernel does.
void after_fork_in_child() {
  release_opening();
  const uint64_t before = mask;
  if (count != 0) {
    const Session session;
    for (uint32_t i = 0; session.is_open() && i < count; ++i) {
      register_in_child(inherited[i]);
    }
  }
  forget_list();
  os::set_signal_mask(before);
}

}  // namespace heaptag::areas
