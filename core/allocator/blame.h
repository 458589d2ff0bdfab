// Who asks: from the return address of an entry point to the call site that is charged, past
// allocation wrappers, and from there, with size, thread and pushed tag, to the owner.
// Layer: core/allocator.  Locks: none for what is known; the owner table's for what is new.
#pragma once

#include "core/allocator/thread_state.h"
#include "core/tag/facts.h"

namespace heaptag::allocator {

/// What a function of ours that has a frame pointer finds at __builtin_frame_address(0).
struct EntryFrame {
  uintptr_t caller_rbp;
  uintptr_t caller_pc;

  stack::Frame caller() const {
    return {caller_pc, reinterpret_cast<uintptr_t>(this + 1), caller_rbp};
  }
};

/// Finds out what there is to know of a return address. Facts() without memory.
[[gnu::noinline]] tag::Facts learn(uintptr_t pc);

// Wrappers that call wrappers: more than any program has, but for one that calls itself.
inline constexpr unsigned kMaxWrapperLevels = 1024;

inline constexpr uintptr_t kUserSpaceEnd = uintptr_t{1} << 47;

/// The most that one frame may take: what lies further out is no stack.
inline constexpr uintptr_t kMaxFrameBytes = uintptr_t{128} << 20;

/// Does the row lead outward? rbp may hold anything.
[[gnu::always_inline]] inline bool is_sane(const stack::FrameRow& row, const stack::Frame& frame) {
  return stack::cfa_of(row, frame) - frame.sp - 1 < kMaxFrameBytes;
}

/// The site to charge when `frame` has called us: the innermost one outside of wrappers, or, when
/// nobody else is there to blame, the outermost wrapper.
[[gnu::noinline]] uintptr_t blame(const stack::Frame& frame);

/// The same, for entry points that may have a frame of their own: `frame` is their
/// __builtin_frame_address(0).
[[gnu::always_inline]] inline uintptr_t blamed_site(const void* frame) {
  const auto* entry = static_cast<const EntryFrame*>(frame);
  const tag::Facts facts = tag::find_facts(tag::fact_key(entry->caller_pc));
  return likely(facts.is_known() && !facts.is_wrapper()) ? entry->caller_pc
                                                         : blame(entry->caller());
}

/// The owner of a request of this thread. The second one says, too, whether all requests of the
/// same selector would have the same.
OwnerId owner_of_request(const ThreadState* thread, uintptr_t site, size_t size);
OwnerId owner_of_selector(
    const ThreadState* thread, uintptr_t site, unsigned selector, size_t size, bool* is_steady);

}  // namespace heaptag::allocator
