// An area's place in the address space of its process: where, how far it may grow, what stays in
// memory. The mapping is longer than the file behind it (headroom), so that all who have the file
// mapped see it grow without a call of theirs. Layer: core/areas.  All within a session.
#pragma once

#include "core/areas/codes.h"
#include "core/wire/areas_registry.h"

namespace heaptag::areas {

struct Place {
  uint32_t spec = kAnyAddress;  // any, exact or base
  uintptr_t address = 0;        // wanted
};

/// Maps `fd` for a record that has size, protection and lock; fills address, reserved_bytes,
/// settled_bytes and fd. Nothing is left behind when it fails.
Status map_area(wire::AreaRecord* record, int fd, const Place& place);

/// Takes it away again.
void unmap_area(const wire::AreaRecord& record);

/// What may be done with every page of it, whatever the program has changed.
Status protect_area(const wire::AreaRecord& record, uint32_t protection);

/// May the record's mapping show so much? One of ours may be made longer for it.
bool make_room(wire::AreaRecord* record, size_t size_bytes);

/// Locks, and what core dumps leave out, follow a change of size. kNoMemory when pages could not be
/// locked.
Status settle(wire::AreaRecord* record);

/// All of ours that others have changed: those that were deleted are unmapped, the others settled.
void settle_own_areas();

inline bool is_locked_at_once(uint32_t lock) {
  return lock == kFullLock || lock == kContiguous;
}

}  // namespace heaptag::areas
