// What the tables say about call sites and threads, added up, for tests.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <ostream>
#include <unordered_map>
#include <vector>

#include "core/allocator/allocator.h"
#include "core/allocator/figures.h"
#include "core/allocator/peak.h"
#include "core/allocator/threads.h"
#include "core/os/thread_hooks.h"
#include "core/tag/owners.h"

namespace heaptag::wire {

inline bool operator==(const OwnerCounters& a, const OwnerCounters& b) {
  return std::memcmp(&a, &b, sizeof a) == 0;
}

inline void PrintTo(const OwnerCounters& c, std::ostream* out) {
  *out << c.allocations << " allocations, " << c.frees << " frees, requested +" << c.allocated_bytes
       << " -" << c.freed_bytes << ", usable +" << c.allocated_usable << " -" << c.freed_usable
       << ", " << c.failed << " failed";
}

inline OwnerCounters& operator+=(OwnerCounters& a, const OwnerCounters& b) {
  a.allocations += b.allocations;
  a.frees += b.frees;
  a.allocated_bytes += b.allocated_bytes;
  a.freed_bytes += b.freed_bytes;
  a.allocated_usable += b.allocated_usable;
  a.freed_usable += b.freed_usable;
  a.failed += b.failed;
  return a;
}

}  // namespace heaptag::wire

namespace heaptag::allocator::testing {

using wire::OwnerCounters;

/// `count` call sites that no other test uses: addresses below everything that is mapped.
inline std::vector<uintptr_t> fresh_sites(size_t count) {
  static uintptr_t next = 0x10000;
  std::vector<uintptr_t> sites;
  for (size_t i = 0; i < count; ++i) {
    sites.push_back(next += 5 + i % 23);
  }
  return sites;
}

/// Threads of the test end as those of a preloaded program do.
inline void watch_thread_ends() {
  static const bool watched = os::watch_thread_ends(thread_ending);
  ASSERT_TRUE(watched);
  set_thread_hook([](ThreadState* /*thread*/) { os::watch_this_thread(); });
}

/// What the tables say about every site, added up.
inline std::unordered_map<uintptr_t, OwnerCounters> figures_of_sites() {
  std::vector<OwnerCounters> sums(tag::owner_count());
  visit_figures({[](void* context, uint32_t owner, const OwnerCounters& part) {
                   auto& all = *static_cast<std::vector<OwnerCounters>*>(context);
                   if (owner < all.size()) {
                     all[owner] += part;
                   }
                 },
                 &sums},
                Order::kFreedFirst);
  std::unordered_map<uintptr_t, OwnerCounters> sites;
  for (size_t owner = 1; owner < sums.size(); ++owner) {
    sites[tag::owners()[owner].site] = sums[owner];
  }
  return sites;
}

/// What all sites have asked for and not freed.
inline uint64_t live_bytes_of_sites() {
  uint64_t live = 0;
  for (const auto& [site, figures] : figures_of_sites()) {
    live += figures.allocated_bytes - figures.freed_bytes;
  }
  return live;
}

struct ThreadSums {
  int64_t held_bytes = 0;
  uint64_t reallocations = 0;
  uint64_t foreign_frees = 0;
};

inline ThreadSums sums_of_threads() {
  ThreadSums sums;
  sums.held_bytes = held_by_threads();
  for (const ThreadState* thread = first_thread(); thread != nullptr;
       thread = reinterpret_cast<const ThreadState*>(thread->record.next)) {
    sums.reallocations += thread->record.reallocations;
    sums.foreign_frees += thread->record.foreign_frees;
  }
  return sums;
}

}  // namespace heaptag::allocator::testing
