#include "tools/live/figure_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>

#include "tools/live/live_error.h"

namespace heaptag::tools {
namespace {

using wire::BinChunk;
using wire::BinRecord;
using wire::OwnerCounters;
using wire::ThreadRecord;

// Bounds against memory that is not what it should be.
constexpr size_t kMostThreads = 1 << 20;
constexpr size_t kMostOwners = 1 << 21;
constexpr size_t kMostBinChunks = 1 << 20;

[[noreturn]] void throw_nonsense(pid_t pid) {
  throw LiveError(
      fmt::format("process {} ended, or executed another program, while it was read", pid));
}

bool is_behind(const OwnerCounters& sum) {
  return sum.allocations < sum.frees || sum.allocated_bytes < sum.freed_bytes ||
         sum.allocated_usable < sum.freed_usable;
}

}  // namespace

LiveFigures FigureReader::read() {
  LiveFigures figures;
  for (const Thread& thread : list_threads()) {
    read_thread(thread);
    add_thread(Half::kFreed, figures);
    add_thread(Half::kAllocated, figures);
    figures.reallocations += thread.record.reallocations;
    figures.foreign_frees += thread.record.foreign_frees;
    figures.unseen_bytes += memory_.value<uint64_t>(thread.address + descriptor_.unseen_offset) +
                            descriptor_.unseen_bytes;
  }
  if (std::any_of(figures.owners.begin(), figures.owners.end(), is_behind)) {
    read_allocated_again(figures);
  }
  // A block and its bytes are counted in two words, and a thread does not wait for the reader.
  for (OwnerCounters& sum : figures.owners) {
    sum.allocations = std::max(sum.allocations, sum.frees);
    sum.allocated_bytes = std::max(sum.allocated_bytes, sum.freed_bytes);
    sum.allocated_usable =
        std::max(sum.allocated_usable, sum.freed_usable + (sum.allocated_bytes - sum.freed_bytes));
  }
  return figures;
}

// For owners of whom more is freed than allocated: one thread was read before it allocated what
// another one had freed when it was read. What they had allocated by now covers all of it.
void FigureReader::read_allocated_again(LiveFigures& figures) {
  LiveFigures later;
  for (const Thread& thread : list_threads()) {
    read_thread(thread);
    add_thread(Half::kAllocated, later);
  }
  later.owners.resize(std::max(later.owners.size(), figures.owners.size()));
  for (size_t i = 0; i < figures.owners.size(); ++i) {
    OwnerCounters& sum = figures.owners[i];
    if (is_behind(sum)) {
      sum.allocations = later.owners[i].allocations;
      sum.allocated_bytes = later.owners[i].allocated_bytes;
      sum.allocated_usable = later.owners[i].allocated_usable;
    }
  }
}

std::vector<FigureReader::Thread> FigureReader::list_threads() {
  std::vector<Thread> threads;
  for (auto address = memory_.value<uint64_t>(descriptor_.threads); address != 0;) {
    Thread thread;
    thread.address = address;
    thread.record = memory_.value<ThreadRecord>(address);
    address = thread.record.next;
    threads.push_back(thread);
    if (threads.size() > kMostThreads) {
      throw_nonsense(memory_.pid());
    }
  }
  return threads;
}

// Where the thread's bins are. One that is made after this has counted nothing before.
void FigureReader::list_bin_chunks(const Thread& thread) {
  bin_chunk_addresses_.clear();
  for (uint64_t address = thread.record.bins; address != 0;) {
    bin_chunk_addresses_.push_back(address);
    address = memory_.value<uint64_t>(address + offsetof(BinChunk, next));
    if (bin_chunk_addresses_.size() > kMostBinChunks) {
      throw_nonsense(memory_.pid());
    }
  }
}

// Everything that the thread counts in, in one call.
void FigureReader::read_thread(const Thread& thread) {
  const ThreadRecord& record = thread.record;
  if (record.counters_chunks > kMostOwners / wire::kOwnersPerChunk) {
    throw_nonsense(memory_.pid());
  }
  chunk_addresses_.resize(record.counters_chunks);
  memory_.read(record.counters, chunk_addresses_.data(), record.counters_chunks * sizeof(uint64_t));
  chunks_.assign(record.counters_chunks * wire::kOwnersPerChunk, OwnerCounters{});
  list_bin_chunks(thread);
  bin_chunks_.resize(bin_chunk_addresses_.size());

  std::vector<Piece> pieces;
  for (size_t i = 0; i < chunk_addresses_.size(); ++i) {
    if (chunk_addresses_[i] != 0) {
      pieces.push_back({chunk_addresses_[i], &chunks_[i * wire::kOwnersPerChunk],
                        wire::kOwnersPerChunk * sizeof(OwnerCounters)});
    }
  }
  pieces.push_back({thread.address + descriptor_.lost_offset, &lost_, sizeof lost_});
  for (size_t i = 0; i < bin_chunks_.size(); ++i) {
    pieces.push_back({bin_chunk_addresses_[i], &bin_chunks_[i], sizeof(BinChunk)});
  }
  memory_.read(pieces);
}

void FigureReader::add_thread(Half half, LiveFigures& to) {
  for (size_t i = 0; i < chunks_.size(); ++i) {
    add_counters(half, static_cast<uint32_t>(i), chunks_[i], to);
  }
  add_counters(half, wire::kOverflowOwner, lost_, to);
  for (const BinChunk& chunk : bin_chunks_) {
    for (const BinRecord& bin : chunk.bins) {
      if (bin.owner != 0) {
        add_counters(half, bin.owner, wire::counters_of_bin(bin), to);
      }
    }
  }
}

void FigureReader::add_counters(Half half,
                                uint32_t owner,
                                const OwnerCounters& part,
                                LiveFigures& to) {
  if (owner >= kMostOwners) {
    throw_nonsense(memory_.pid());
  }
  if (owner >= to.owners.size()) {
    to.owners.resize(owner + 1);
  }
  OwnerCounters& sum = to.owners[owner];
  if (half == Half::kFreed) {
    sum.frees += part.frees;
    sum.freed_bytes += part.freed_bytes;
    sum.freed_usable += part.freed_usable;
  } else {
    sum.allocations += part.allocations;
    sum.allocated_bytes += part.allocated_bytes;
    sum.allocated_usable += part.allocated_usable;
    sum.failed += part.failed;
  }
}

}  // namespace heaptag::tools
