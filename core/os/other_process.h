// Other processes, and the address space of any, as /proc shows them.
// Layer: core/os.  Allocates: no.  Signals: safe.  errno: never touched.
#pragma once

#include "core/base/types.h"

namespace heaptag::os {

struct ProcessFacts {
  bool is_running = false;  // exists, and has not ended
  uint64_t start_time = 0;  // in ticks since the machine started: tells it from another one of its
                            // number
};

ProcessFacts look_at_process(uint32_t pid);

struct MappedRange {
  uintptr_t start;
  uintptr_t end;
  uint64_t inode;  // 0: no file
  bool is_stack;   // of the first thread: it grows downwards
};

/// Calls `visit` for each mapping, lowest first, until it says false. Returns 0, or a negative
/// errno when the process does not exist or may not be looked at.
long visit_mappings(uint32_t pid,
                    bool (*visit)(void* context, const MappedRange& range),
                    void* context);

}  // namespace heaptag::os
