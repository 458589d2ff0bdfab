// Is there still a process behind a record? Its pid, when it started, and that it has the memory:
// a program that was executed in its place has not. Layer: core/areas.  All within a session.
#pragma once

#include "core/wire/areas_registry.h"

namespace heaptag::areas {

/// The record with an id, whose process lives, which we can see, and which nobody has deleted. A
/// dead one is given back on the way.
wire::AreaRecord* find_live(int32_t id);

/// Live and seen? Nothing is given back.
bool is_live(const wire::AreaRecord& record);

/// Are the pids in it of our PID namespace? Nobody can be asked about others.
bool is_seen(const wire::AreaRecord& record);

/// Does the process behind a record have its memory no more? What cannot be looked at is alive.
bool is_dead(const wire::AreaRecord& record);

/// Gives back all records of dead processes. Returns how many.
uint32_t sweep();

/// The same for one pid, which may be ours: a program that was executed has nothing of the one
/// before.
void release_remains_of(uint32_t pid);

/// At the end of the process: what is ours. Nothing is unmapped, others may still look at it.
void release_own_records();

}  // namespace heaptag::areas
