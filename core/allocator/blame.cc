#include "core/allocator/blame.h"

#include "core/allocator/threads.h"
#include "core/base/accounting.h"
#include "core/heap/size_class.h"
#include "core/tag/owners.h"

namespace heaptag::allocator {

namespace {

// A bit for each few sizes: a wrapper is known by how many it asks for.
constexpr unsigned kLargestSizeBit = 63;

unsigned size_bit(size_t size) {
  if (size > heap::kLargestClassBytes) {
    const unsigned bit = 44 + log2_floor(size) - log2_floor(heap::kLargestClassBytes);
    return bit < kLargestSizeBit ? bit : kLargestSizeBit;
  }
  const unsigned size_class = heap::class_of(size);
  return size_class < heap::kLinearClasses
             ? size_class
             : heap::kLinearClasses + (size_class - heap::kLinearClasses) / 2;
}

void note_size(OwnerId owner, size_t size) {
  uint64_t& classes = tag::owners()[index_of(owner)].size_classes;
  const uint64_t bit = uint64_t{1} << size_bit(size);
  if ((read_relaxed(classes) & bit) == 0) {
    __atomic_fetch_or(&classes, bit, __ATOMIC_RELAXED);
  }
}

[[gnu::always_inline]] inline tag::Facts find_or_learn(uintptr_t pc) {
  const tag::Facts facts = tag::find_facts(tag::fact_key(pc));
  return likely(facts.is_known()) ? facts : learn(pc);
}

// Functions without a name may also be what a dispatcher calls: a constructor, main, a method of an
// object. Then nobody asked them to allocate.
bool is_called_as_helper(tag::Facts nameless, tag::Facts caller) {
  const bool is_known_wrapper = caller.is_wrapper() && !caller.is_nameless();
  return nameless.is_in_dispatcher() || !caller.is_in_dispatcher() || is_known_wrapper;
}

void blame_for_good(uintptr_t pc) {
  ThreadScope scope;
  if (scope.thread() != nullptr) {
    BusyScope busy(scope.thread());
    tag::blame_from_now_on(pc);
  }
}

OwnerId find_owner(const ThreadState* thread,
                   uintptr_t site,
                   const tag::Call& call,
                   bool* is_steady) {
  const TagId pushed = thread->active->tag;
  const OwnerId owner = likely(pushed == TagId::kNone) ? tag::owner_of_call(site, call, is_steady)
                                                       : tag::owner_of_pair(site, pushed);
  note_size(owner, call.size_bytes);
  return owner;
}

}  // namespace

tag::Facts learn(uintptr_t pc) {
  ThreadScope scope;
  if (scope.thread() == nullptr) {
    return {};
  }
  BusyScope busy(scope.thread());
  return tag::facts_of(pc);
}

uintptr_t blame(const stack::Frame& called_from) {
  if constexpr (!kAccounting) {
    return 0;
  }
  stack::Frame frame = called_from;
  tag::Facts facts = find_or_learn(frame.pc);
  for (unsigned level = 0; facts.is_wrapper() && level < kMaxWrapperLevels; ++level) {
    const stack::FrameRow row = facts.row();
    if (unlikely(!is_sane(row, frame))) {
      break;
    }
    const stack::Frame caller = stack::step(row, frame);
    if (unlikely(caller.pc - 1 >= kUserSpaceEnd - 1)) {
      break;
    }
    const tag::Facts of_caller = find_or_learn(caller.pc);
    if (facts.is_nameless() && !is_called_as_helper(facts, of_caller)) {
      blame_for_good(frame.pc);
      break;
    }
    if (of_caller.is_wrapper() && !facts.is_called_by_wrappers()) {
      tag::note_called_by_wrapper(frame.pc);
    }
    frame = caller;
    facts = of_caller;
  }
  return frame.pc;
}

OwnerId owner_of_request(const ThreadState* thread, uintptr_t site, size_t size) {
  if constexpr (!kAccounting) {
    return tag::kOverflowOwner;
  }
  if (size <= heap::kLargestClassBytes) {
    const Slot* slot = thread->active->find(slot_key(site, heap::selector_of(size)));
    if (slot != nullptr) {
      return OwnerId{slot->owner};  // it speaks for all requests of its selector
    }
  }
  bool is_steady = true;
  return find_owner(thread, site, {thread->thread_rules, size, size, size}, &is_steady);
}

OwnerId owner_of_selector(
    const ThreadState* thread, uintptr_t site, unsigned selector, size_t size, bool* is_steady) {
  const auto [least, most] = heap::sizes_of_selector(selector);
  return find_owner(thread, site, {thread->thread_rules, size, least, most}, is_steady);
}

}  // namespace heaptag::allocator
