// The peak of live bytes, seen from slow paths: a lower bound with a bound on its error, and what
// each owner held at that moment. Layer: core/allocator.  Locks: one of its own, outermost; never
// waited for on a slow path of malloc.
#pragma once

#include "core/allocator/thread_state.h"
#include "core/base/units.h"
#include "core/os/lock.h"

namespace heaptag::allocator {

/// A thread tells of changes from here on: less is not worth an atomic operation.
inline constexpr int64_t kLeastChangeBytes = 2 * kKiB;

/// Tells the process what this thread has gained or lost since it last told, and looks at the peak
/// when the sum is higher than ever.
[[gnu::noinline]] void publish_change(ThreadState* thread);

inline void publish_live(ThreadState* thread) {
  const int64_t change = thread->held_bytes() - thread->published_bytes;
  if (unlikely(change >= kLeastChangeBytes || change <= -kLeastChangeBytes)) {
    publish_change(thread);
  }
}

/// The same for what is counted in stray_state. `may_look`: may the lock be tried and a look be
/// taken? Else a high sum is only noted, so that the bound of the error holds.
void publish_shared(int64_t change, bool may_look);

/// Looks now, whatever the sum, and keeps the record as it is while in scope: for a report. Waits
/// for whoever looks already, but not for ever: a thread that is stopped must not stop the report.
class PeakHold {
 public:
  PeakHold();
  ~PeakHold();

  PeakHold(const PeakHold&) = delete;
  PeakHold& operator=(const PeakHold&) = delete;

 private:
  bool is_held_;
};

/// What threads hold now, lists and all: ThreadState::held_bytes with every bin settled.
int64_t held_by_threads();

struct PeakFigures {
  uint64_t live_bytes;   // the highest sum seen; the owners' at_peak_bytes add up to it
  uint64_t error_bytes;  // the true peak is at most this much higher
  uint64_t at_ns;        // CLOCK_MONOTONIC of that moment
};

PeakFigures peak_figures();

/// For the descriptor.
const wire::PeakRecord& peak_record();

/// For fork handlers only.
os::Lock& peak_lock_for_fork();

}  // namespace heaptag::allocator
