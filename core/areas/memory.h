// The memory behind areas: files without a name, or in /dev/shm for areas of the system, and how a
// process gets at one that another process made. Layer: core/areas.  All within a session.
#pragma once

#include <string_view>

#include "core/areas/codes.h"
#include "core/areas/registry.h"

namespace heaptag::areas {

/// A file of this size that nothing else refers to yet.
struct NewMemory {
  int fd = -1;
  uint32_t object = UINT32_MAX;  // its record
  Status problem = kOk;
};

/// For the area `id`. of_system: it outlives the process.
NewMemory make_memory(int32_t id, std::string_view name, size_t size_bytes, bool of_system);

/// A copy that only the caller has a descriptor of; negative errno on failure. No record is made.
int copy_memory(const wire::AreaRecord& record);

/// A new descriptor for the memory of an area, whoever has it; -1 with why.
int open_memory(const wire::AreaRecord& record, Status* problem);

/// /proc/PID/fd/N of the record's owner.
SharedPath path_of_descriptor(const wire::AreaRecord& record);

/// The descriptor of an area of ours, opened again if the program has closed it; -1 if that cannot
/// be done.
int own_descriptor(wire::AreaRecord* record);

/// Closes it, if it is still ours to close.
void close_descriptor(const wire::AreaRecord& record);

/// Reads the size again, from whoever has the memory.
void measure(wire::AreaRecord* record);

/// Could the machine have so much more, and lock it?
bool is_affordable(size_t size_bytes, bool locked);

/// Counts pages that have gone out, or come back, since the last look: what went both ways in
/// between is not seen.
inline void note_evicted(wire::ObjectRecord* object, uint64_t evicted_bytes, size_t page_bytes) {
  if (evicted_bytes > object->evicted_bytes) {
    object->out_count += (evicted_bytes - object->evicted_bytes) / page_bytes;
  } else {
    object->in_count += (object->evicted_bytes - evicted_bytes) / page_bytes;
  }
  object->evicted_bytes = evicted_bytes;
}

/// Bytes in memory now; counts what has come in and gone out since the last look.
uint64_t look_at_residency(wire::AreaRecord* record);

}  // namespace heaptag::areas
