// A list that any thread, and any signal handler, may put something on and take something from
// without ever waiting. What is on it must stay readable for ever, wherever it goes afterwards.
// Layer: core/zone.  Allocates: no.  Locks: none.  Signals: safe.
#pragma once

#include "core/base/counter.h"
#include "core/base/types.h"

namespace heaptag::zone {

/// `Link::next(T*)` and `Link::set_next(T*, T*)` say how elements are linked.
template <typename T, typename Link>
class alignas(16) LockFreeList {
 public:
  /// Null: it is empty.
  T* take() {
    for (;;) {
      Head head = read();
      if (head.first == nullptr) {
        return nullptr;
      }
      // It may be somebody else's by now: then what it says means nothing, and the version tells.
      if (exchange(&head, Link::next(head.first))) {
        return head.first;
      }
    }
  }

  /// Puts elements back that are linked from `first` to `last`.
  void put(T* first, T* last) {
    for (;;) {
      Head head = read();
      Link::set_next(last, head.first);
      if (exchange(&head, first)) {
        return;
      }
    }
  }

  void put(T* element) { put(element, element); }

  /// All of them at once, linked.
  T* take_all() {
    for (;;) {
      Head head = read();
      if (head.first == nullptr || exchange(&head, nullptr)) {
        return head.first;
      }
    }
  }

  bool is_empty() const { return read_relaxed(head_.first) == nullptr; }

 private:
  struct Head {
    T* first;
    uint64_t version;  // changes with every exchange
  };

  // Two loads: should they not belong together, the exchange fails.
  Head read() const {
    const uint64_t version = __atomic_load_n(&head_.version, __ATOMIC_ACQUIRE);
    return {__atomic_load_n(&head_.first, __ATOMIC_ACQUIRE), version};
  }

  bool exchange(Head* expected, T* first) {
    bool done;
    T* was = expected->first;
    uint64_t version = expected->version;
    __asm__ volatile("lock cmpxchg16b %1"
                     : "=@ccz"(done), "+m"(head_), "+a"(was), "+d"(version)
                     : "b"(first), "c"(version + 1)
                     : "memory");
    return done;
  }

  Head head_{};
};

}  // namespace heaptag::zone
