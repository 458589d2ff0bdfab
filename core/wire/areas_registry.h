// The registry of areas: a file in /dev/shm that all processes of a user map. It says which areas
// there are; their memory lives in files of its own (memfd), which the kernel frees with the last
// process that has them.
//
// Everything is written under `lock`. A record counts when its state says so, which is written
// last; how often an object is referred to can always be counted again. Layer: core/wire.  Any
// change of a size or an offset bumps kAreasVersion.
#pragma once

#include "core/base/types.h"

namespace heaptag::wire {

inline constexpr uint64_t kAreasMagic = 0x5341455241475448;  // "HTGAREAS"
inline constexpr uint32_t kAreasVersion = 1;
inline constexpr uint32_t kMaxAreas = 16384;
inline constexpr uint32_t kAreaNameBytes = 32;  // with the NUL

/// FOLDER/heaptag-areas-UID or FOLDER/heaptag-areas-UID-NAMESPACE; the memory of an area that
/// outlives its process is FOLDER/heaptag-area-UID[-NAMESPACE].ID.
inline constexpr char kAreasFolder[] = "/dev/shm";
inline constexpr char kAreasFilePrefix[] = "/dev/shm/heaptag-areas-";
inline constexpr char kAreaFilePrefix[] = "/dev/shm/heaptag-area-";

inline constexpr int32_t kSystemTeam = 1;

struct AreasHeader {
  uint64_t magic;
  uint32_t version;
  uint32_t capacity;  // kMaxAreas
  alignas(64) uint8_t lock[64];
  int32_t next_id;
  uint32_t areas_end;  // no record from here on is in use
  uint32_t objects_end;
  uint32_t areas_backed;  // records up to here have memory
  uint32_t objects_backed;
  uint32_t changes;     // of an area by others than its owner
  uint64_t recoveries;  // how often a holder of the lock has died
  int32_t making_file;  // an id whose file in /dev/shm no record names yet; 0: none
};

enum class AreaState : uint32_t {
  kFree = 0,
  kLive = 1,
  kDoomed = 2,  // deleted by another process; its owner has not unmapped it yet
};

struct AreaRecord {
  uint32_t state;  // AreaState
  int32_t id;
  int32_t team;            // the owner's pid, or kSystemTeam
  uint32_t owner;          // pid of who has it mapped; 0: nobody (areas of the system)
  uint64_t owner_start;    // its start time, see proc(5)
  uint64_t pid_namespace;  // that these pids belong to
  uint64_t address;
  uint64_t reserved_bytes;  // so far may it grow
  uint64_t settled_bytes;   // size that locks and core dumps of this mapping were arranged for
  int32_t fd;               // in the owner
  uint32_t object;          // index
  uint32_t protection;
  uint32_t lock;
  char name[kAreaNameBytes];
  uint64_t unused[3];
};

/// Memory that one or more areas show.
struct ObjectRecord {
  uint64_t inode;  // 0: free
  uint64_t size_bytes;
  uint32_t references;
  int32_t file_id;  // its file in /dev/shm is called so; 0: a memfd
  uint32_t was_cloned;
  uint32_t unused;
  uint64_t evicted_bytes;  // when it was last looked at
  uint64_t out_count;
  uint64_t in_count;
  uint64_t spare;
};

inline constexpr size_t kAreasAt = 4096;  // in the file
inline constexpr size_t kObjectsAt = kAreasAt + kMaxAreas * sizeof(AreaRecord);
inline constexpr size_t kAreasFileBytes = kObjectsAt + kMaxAreas * sizeof(ObjectRecord);

static_assert(sizeof(AreasHeader) <= kAreasAt);
static_assert(sizeof(AreaRecord) == 128 && sizeof(ObjectRecord) == 64);

}  // namespace heaptag::wire
