// Records of areas and of the memory behind them: taking one, giving it back, finding it. What
// another process, or a broken file, has written is looked at before it is used.
// Layer: core/areas.  All within a session.
#pragma once

#include "core/wire/areas_registry.h"

namespace heaptag::areas {

/// In use, and every number in it within bounds.
bool is_sane(const wire::AreaRecord& record);

wire::ObjectRecord& object_of(const wire::AreaRecord& record);

/// The live or doomed record with an id, dead processes' included; null without one.
wire::AreaRecord* find_record(int32_t id);

/// Calls `visit(record)` for every sane record; live ones, and doomed ones.
template <typename Visit>
void for_each_record(Visit visit);

/// The process that we are has it mapped.
bool is_own(const wire::AreaRecord& record);

/// A record that is free, with an object that is referred to once more. Null without room. It
/// counts from publish on.
wire::AreaRecord* new_record(uint32_t object);
void publish(wire::AreaRecord* record);

/// Gives a record back, and its object with the last one. Nothing is unmapped.
void release(wire::AreaRecord* record);

/// A record for new memory, which nothing refers to yet; UINT32_MAX without room.
uint32_t new_object(uint64_t inode, uint64_t size_bytes, int32_t file_id);

/// An object that nothing has come to refer to.
void drop_object(uint32_t index);

/// The object with this inode; UINT32_MAX when there is none any more.
uint32_t find_object(uint64_t inode);

/// After somebody has died with the lock: references are counted again, and what nothing refers to
/// is free.
void repair_records();

// ---------------------------------------------------------------------------

wire::AreaRecord* record_at(uint32_t index);
uint32_t records_end();

template <typename Visit>
void for_each_record(Visit visit) {
  for (uint32_t i = 0; i < records_end(); ++i) {
    wire::AreaRecord* record = record_at(i);
    if (is_sane(*record)) {
      visit(record);
    }
  }
}

}  // namespace heaptag::areas
