#include "tools/live/figure_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <thread>
#include <unordered_map>

#include "tools/live/live_error.h"
#include "tools/live/proc_files.h"

namespace heaptag::tools {
namespace {

using wire::OwnerCounters;
using wire::SpanRecord;
using wire::ThreadRecord;

// Bounds against memory that is not what it should be.
constexpr size_t kMostThreads = 1 << 20;
constexpr size_t kMostOwners = 1 << 21;
constexpr size_t kMostSpans = size_t{1} << 28;

constexpr size_t kSpansPerRead = 8192;
constexpr auto kPatience = std::chrono::seconds(3);
constexpr unsigned kTriesBeforePause = 64;

[[noreturn]] void throw_nonsense(pid_t pid) {
  throw LiveError(
      fmt::format("process {} ended, or executed another program, while it was read", pid));
}

bool is_stopped(pid_t pid) {
  const char state = read_status(pid).state;
  return state == 'T' || state == 't';
}

bool is_behind(const OwnerCounters& sum) {
  return sum.allocations < sum.frees || sum.allocated_bytes < sum.freed_bytes ||
         sum.allocated_usable < sum.freed_usable;
}

}  // namespace

LiveFigures FigureReader::read() {
  LiveFigures figures;
  std::vector<Thread> threads = list_threads();
  assign_spans(threads);
  for (const Thread& thread : threads) {
    read_thread(thread);
    add_thread(Half::kFreed, thread, figures);
    add_thread(Half::kAllocated, thread, figures);
    figures.reallocations += thread.record.reallocations;
    figures.foreign_frees += thread.record.foreign_frees;
    figures.unseen_bytes += memory_.value<uint64_t>(thread.address + descriptor_.unseen_offset) +
                            descriptor_.unseen_bytes;
  }
  if (std::any_of(figures.owners.begin(), figures.owners.end(), is_behind)) {
    read_allocated_again(figures);
  }
  // A thread that was stopped while it moved figures shows some twice.
  for (OwnerCounters& sum : figures.owners) {
    sum.allocations = std::max(sum.allocations, sum.frees);
    sum.allocated_bytes = std::max(sum.allocated_bytes, sum.freed_bytes);
    sum.allocated_usable = std::max(sum.allocated_usable, sum.freed_usable);
  }
  return figures;
}

// For owners of whom more is freed than allocated: one thread was read before it allocated what
// another one had freed when it was read. What they had allocated by now covers all of it.
void FigureReader::read_allocated_again(LiveFigures& figures) {
  LiveFigures later;
  std::vector<Thread> threads = list_threads();
  assign_spans(threads);
  for (const Thread& thread : threads) {
    read_thread(thread);
    add_thread(Half::kAllocated, thread, later);
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
    threads.push_back(std::move(thread));
    if (threads.size() > kMostThreads) {
      throw_nonsense(memory_.pid());
    }
  }
  return threads;
}

// Which spans are whose. A span that becomes a thread's after this has counted nothing before.
void FigureReader::assign_spans(std::vector<Thread>& threads) {
  std::unordered_map<uint64_t, Thread*> by_address;
  for (Thread& thread : threads) {
    by_address[thread.address] = &thread;
  }
  const auto count = memory_.value<uint32_t>(descriptor_.span_count);
  if (count > kMostSpans) {
    throw_nonsense(memory_.pid());
  }
  std::vector<SpanRecord> records(std::min<size_t>(count, kSpansPerRead));
  for (size_t begin = 1; begin < count; begin += records.size()) {
    const size_t size = std::min(records.size(), count - begin);
    memory_.read(descriptor_.spans + begin * sizeof(SpanRecord), records.data(),
                 size * sizeof(SpanRecord));
    for (size_t i = 0; i < size; ++i) {
      if (records[i].owner == 0 || records[i].thread == 0) {
        continue;
      }
      if (const auto found = by_address.find(records[i].thread); found != by_address.end()) {
        found->second->spans.push_back(static_cast<uint32_t>(begin + i));
      }
    }
  }
}

void FigureReader::read_thread(const Thread& thread) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  for (unsigned tries = 1; !try_thread(thread, false); ++tries) {
    if (tries % kTriesBeforePause != 0) {
      continue;
    }
    if (is_stopped(memory_.pid())) {
      try_thread(thread, true);  // it was stopped in the middle of a move
      break;
    }
    if (std::chrono::steady_clock::now() > deadline) {
      throw LiveError(fmt::format(
          "process {} moves its figures faster than they can be read; try again, or stop it "
          "meanwhile: kill -STOP {}",
          memory_.pid(), memory_.pid()));
    }
    std::this_thread::sleep_for(std::chrono::microseconds(100));
  }
}

// Everything that the thread counts in, between two looks at its sequence. `as_it_is`: whatever the
// sequence says.
bool FigureReader::try_thread(const Thread& thread, bool as_it_is) {
  const auto record = memory_.value<ThreadRecord>(thread.address);
  if (record.counters_chunks > kMostOwners / wire::kOwnersPerChunk) {
    throw_nonsense(memory_.pid());
  }
  chunk_addresses_.resize(record.counters_chunks);
  memory_.read(record.counters, chunk_addresses_.data(), record.counters_chunks * sizeof(uint64_t));
  chunks_.assign(record.counters_chunks * wire::kOwnersPerChunk, OwnerCounters{});
  spans_.resize(thread.spans.size());

  const uint64_t sequence_address = thread.address + offsetof(ThreadRecord, sequence);
  uint64_t before = 0;
  uint64_t after = 0;
  std::vector<Piece> pieces;
  pieces.push_back({sequence_address, &before, sizeof before});
  for (size_t i = 0; i < chunk_addresses_.size(); ++i) {
    if (chunk_addresses_[i] != 0) {
      pieces.push_back({chunk_addresses_[i], &chunks_[i * wire::kOwnersPerChunk],
                        wire::kOwnersPerChunk * sizeof(OwnerCounters)});
    }
  }
  pieces.push_back({thread.address + descriptor_.lost_offset, &lost_, sizeof lost_});
  for (size_t i = 0; i < thread.spans.size(); ++i) {
    if (i != 0 && thread.spans[i] == thread.spans[i - 1] + 1) {
      pieces.back().size_bytes += sizeof(SpanRecord);
    } else {
      pieces.push_back({descriptor_.spans + uint64_t{thread.spans[i]} * sizeof(SpanRecord),
                        &spans_[i], sizeof(SpanRecord)});
    }
  }
  pieces.push_back({sequence_address, &after, sizeof after});
  memory_.read(pieces);
  return as_it_is || (before == after && before % 2 == 0);
}

void FigureReader::add_thread(Half half, const Thread& thread, LiveFigures& to) {
  for (size_t i = 0; i < chunks_.size(); ++i) {
    add_counters(half, static_cast<uint32_t>(i), chunks_[i], to);
  }
  add_counters(half, wire::kOverflowOwner, lost_, to);
  for (const SpanRecord& span : spans_) {
    if (span.thread == thread.address && span.owner != 0) {
      add_span(half, span, to);
    }
  }
}

void FigureReader::add_span(Half half, const SpanRecord& span, LiveFigures& to) {
  const bool varied = span.requested_bytes == wire::kVariedSizes;
  OwnerCounters part{};
  part.frees = span.frees;
  part.freed_usable = span.frees * span.block_bytes;
  part.freed_bytes = varied ? span.freed_bytes : span.frees * span.requested_bytes;
  part.allocations = span.allocations;
  part.allocated_usable = span.allocations * span.block_bytes;
  part.allocated_bytes = varied ? span.allocated_bytes : span.allocations * span.requested_bytes;
  add_counters(half, span.owner, part, to);
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
