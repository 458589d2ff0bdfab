// The errors that were found so far, each with what was known at the moment, so that it can be told
// at once and again in the report at exit. Layer: core/report.  Allocates: metadata.  Locks: the
// caller has the errors' lock (findings.cc).
#pragma once

#include "core/base/types.h"
#include "core/safety/finding.h"

namespace heaptag::report {

inline constexpr unsigned kMaxFrames = 16;
inline constexpr size_t kShownBytes = 32;   // of what was expected and found
inline constexpr size_t kAroundBytes = 16;  // before and behind
inline constexpr unsigned kMaxNeighbours = 2;

/// A return address that stays good when its module is gone.
struct KeptFrame {
  uint32_t module;  // ModuleRecord; 0: none
  uint64_t offset;  // ELF virtual address of (return address - 1); the address itself without one
};

struct KeptEvent {
  KeptFrame frames[kMaxFrames];
  unsigned frame_count;
  uint64_t thread;  // kernel's number, or ours when that is not known; 0: not known
  uint64_t age_ms;
  bool age_known;
};

struct KeptBytes {
  uint8_t bytes[kShownBytes];
  unsigned count;
};

struct KeptNeighbour {
  int64_t distance;
  uint64_t size;
  uint32_t owner;  // 0: never used
  safety::BlockState state;
  bool intact;
};

/// One error, and how often the same was found.
struct KeptError {
  uint64_t key;
  uint64_t count;
  safety::Kind kind;
  safety::FoundWhen when;
  safety::BlockState state;
  safety::Family allocated_as;
  safety::Family freed_as;
  bool in_block;
  bool has_record;
  bool refused;
  bool panics;
  bool withdrawn;
  bool frees_ago_known;
  bool suppressed;  // kept, so that the next one like it need not be looked at, and not told
  uint64_t address;
  uint64_t block;
  uint64_t size;
  uint64_t freed_size;
  uint64_t length;
  uint64_t frees_ago;
  uint32_t owner;
  KeptBytes expected;
  KeptBytes found;
  KeptBytes before;
  KeptBytes after;
  KeptEvent allocated;
  KeptEvent freed;
  KeptEvent detected;
  KeptNeighbour neighbours[kMaxNeighbours];
  unsigned neighbour_count;
};

/// Takes the memory for errors now, that there will be some later.
void prepare_error_store();

/// Adds an error, or counts one more of a kind that is known: `*is_new` says which. Null without
/// memory, or when there are more different ones than anybody would read.
KeptError* keep_error(const safety::Finding& finding, bool* is_new);

const KeptError* kept_errors();
unsigned kept_error_count();

/// A forked child has found nothing yet.
void forget_errors();

}  // namespace heaptag::report
