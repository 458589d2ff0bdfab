// Adds up the tables of a running process. Nothing is stopped: what is summed is what each thread
// had counted at some moment of the reading.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "core/wire/tables.h"
#include "tools/live/remote_memory.h"

namespace heaptag::tools {

struct LiveFigures {
  std::vector<wire::OwnerCounters> owners;  // by number; entry 0 is unused
  uint64_t reallocations = 0;
  uint64_t foreign_frees = 0;
  uint64_t unseen_bytes = 0;  // of the peak
};

/// Each thread's words are copied in one call, microseconds after each other: what a program
/// allocates and frees by millions a second is off by a few blocks. When threads free each other's
/// blocks, an owner's frees may have been copied before the allocations: then the allocated words
/// are read again, so that nothing is negative. Words only grow, so that neither sum is ever below
/// that of an earlier reading.
class FigureReader {
 public:
  FigureReader(RemoteMemory& memory, const wire::Descriptor& descriptor)
      : memory_(memory), descriptor_(descriptor) {}

  /// Errors: throws LiveError.
  LiveFigures read();

 private:
  enum class Half { kFreed, kAllocated };

  struct Thread {
    uint64_t address = 0;
    wire::ThreadRecord record = {};
  };

  std::vector<Thread> list_threads();
  void list_bin_chunks(const Thread& thread);
  void read_thread(const Thread& thread);
  void read_allocated_again(LiveFigures& figures);
  void add_counters(Half half, uint32_t owner, const wire::OwnerCounters& part, LiveFigures& to);
  void add_thread(Half half, LiveFigures& to);

  RemoteMemory& memory_;
  const wire::Descriptor& descriptor_;
  // Of the thread that is read.
  std::vector<uint64_t> chunk_addresses_;
  std::vector<wire::OwnerCounters> chunks_;
  wire::OwnerCounters lost_ = {};
  std::vector<uint64_t> bin_chunk_addresses_;
  std::vector<wire::BinChunk> bin_chunks_;
};

}  // namespace heaptag::tools
