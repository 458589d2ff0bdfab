// BeOS areas: what the nine functions of heaptag/area.h do. Ids and errors as Status, see codes.h.
// Layer: core/areas.  Allocates: no.  errno: never touched.  Threads, signals: safe; each holds the
// registry's lock with signals blocked.
#pragma once

#include "core/areas/codes.h"
#include "core/wire/areas_registry.h"

namespace heaptag::areas {

struct AreaInfo {
  int32_t id;
  int32_t team;
  uint64_t address;
  uint64_t size_bytes;
  uint64_t resident_bytes;
  uint32_t lock;
  uint32_t protection;
  uint32_t in_count;
  uint32_t out_count;
  char name[wire::kAreaNameBytes];
};

/// `address` holds what is asked for, and gets what it became.
Status create(const char* name,
              void** address,
              uint32_t spec,
              size_t size_bytes,
              uint32_t lock,
              uint32_t protection);

Status clone(const char* name, void** address, uint32_t spec, uint32_t protection, int32_t source);

Status remove(int32_t id);

Status find(const char* name);

Status area_at(const void* address);

Status get_info(int32_t id, AreaInfo* info);

/// `cookie` is the id that was given last, 0 before the first.
Status get_next_info(int32_t team, int32_t* cookie, AreaInfo* info);

Status resize(int32_t id, size_t size_bytes);

Status set_protection(int32_t id, uint32_t protection);

/// Gives back what dead processes have left. Returns how many areas, or kError.
Status sweep_all();

/// At the end of the process: its areas are nobody's any more.
void leave();

}  // namespace heaptag::areas
