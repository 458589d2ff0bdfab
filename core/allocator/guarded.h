// malloc and free of guarded blocks (core/safety/guard_region.h): between pages that nobody may
// touch, never on a list of ours, counted like any other block. Layer: core/allocator.
// Thread-safe.  Never changes errno.
#pragma once

#include "core/allocator/guard_policy.h"
#include "core/allocator/release.h"
#include "core/safety/finding.h"

namespace heaptag::allocator {

/// Does `block` lie where guarded blocks lie? A no is certain.
inline bool may_be_guarded(const void* block) {
  return unlikely(safety::is_in_guard_region(reinterpret_cast<uintptr_t>(block)));
}

struct GuardRequest {
  size_t size;
  size_t alignment;  // a power of two; 1: none was asked for
  uintptr_t site;
  safety::Family family;
};

/// Comes before every other slow path of an allocation while guards_blocks(). Null when this one
/// gets none, be it that nobody wants it to or that it cannot be: nothing has happened then.
void* allocate_guarded(const GuardRequest& request);

/// Pre: may_be_guarded. What is wrong with the call is told, and the block freed if it can be.
/// `thread` null: there is no memory for a state.
void deallocate_guarded(ThreadState* thread, void* block, const Release& release);

/// Is it the first byte of a live one?
bool is_start_of_guarded(const void* block);

/// The bytes that were asked for, if it is the first byte of a live one; else 0.
size_t usable_size_guarded(const void* block);

/// Looks at what lies around all live ones.
void verify_guarded(safety::FoundWhen when);

/// A finding that is about the block.
safety::Finding finding_about(const safety::GuardedBlock* block,
                              safety::Kind kind,
                              safety::FoundWhen when);

/// Allocations that should have been guarded and were not, by reason.
struct Unguarded {
  uint64_t too_large;
  uint64_t no_mappings;
};

Unguarded count_unguarded();

/// Of all live ones.
uint64_t guarded_live_bytes();

}  // namespace heaptag::allocator
