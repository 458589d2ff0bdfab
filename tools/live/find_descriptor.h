// Where a process keeps its tables: the exported `heaptag_descriptor` of its libheaptag.so.
#pragma once

#include "core/wire/tables.h"
#include "tools/live/remote_memory.h"

namespace heaptag::tools {

/// Whether a libheaptag.so is mapped in the process. False too when its mappings may not be read.
bool is_heaptagged(pid_t pid);

/// Finds, reads and checks the descriptor. The library is found by its name among the mappings, the
/// symbol in the dynamic symbols that the process has in memory: its file may be deleted, replaced,
/// or in a file system that we cannot see.
/// Errors: throws LiveError: no such process, not heaptagged, not permitted, another version.
wire::Descriptor find_descriptor(RemoteMemory& memory);

}  // namespace heaptag::tools
