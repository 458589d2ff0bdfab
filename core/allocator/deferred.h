// Work that is asked for while a thread may be anywhere, as by a signal: it is done by a thread
// that is in none of our slow paths, so that it finds no list half changed and no lock held by
// itself. Signals that have come meanwhile are let in at the same moment, and so is a cancellation
// that may come at any instruction. Layer: core/allocator.  Signals: safe.
#pragma once

#include "core/base/counter.h"
#include "core/base/types.h"

namespace heaptag::allocator {

struct ThreadState;

// On a line of its own: every slow path looks at it, and hardly anything ever writes to it.
struct alignas(64) Deferred {
  uint32_t waiting;  // how often it was asked for and has not been done (any thread, atomically)
  void (*serve)();  // set before anything can be waiting; does what it can, returns at once if that
                    // is nothing
  uint32_t cancels_at_once;  // some thread has asked to be cancelled at any instruction
};

extern constinit Deferred deferred;

/// Slow paths of the calling thread that are not told by its state's `busy`.
extern __thread uint32_t tls_quiet __attribute__((tls_model("initial-exec")));

/// Is the calling thread in none of our slow paths?
bool may_serve();

/// While in scope the calling thread is in none of our slow paths, though it is: the program's code
/// is called, which may never come back. Pre: no lock is held.
class SlowPathsLeft {
 public:
  SlowPathsLeft();
  ~SlowPathsLeft();

  SlowPathsLeft(const SlowPathsLeft&) = delete;
  SlowPathsLeft& operator=(const SlowPathsLeft&) = delete;

 private:
  ThreadState* state_;
  uint32_t busy_;
  uint32_t quiet_;
};

/// Serves what is waiting if the calling thread may.
[[gnu::noinline, gnu::cold]] void serve_waiting();

/// In a count of slow paths that one is in: what has to be let in waits for the end of the
/// outermost.
inline constexpr uint32_t kWaits = uint32_t{1} << 31;

/// Signals of the calling thread wait, and are blocked, until set_signal_mask(mask).
void note_waiting_signals(uint64_t mask);

/// From here on threads that can be cancelled at once are not while they are in a slow path. `set`
/// is the C library's pthread_setcanceltype.
void expect_cancellation(int (*set)(int type, int* old_type));

/// Slow paths that are told by `count` begin: the calling thread is not cancelled before their end.
[[gnu::noinline, gnu::cold]] void put_off_cancellation(uint32_t* count);

/// kWaits is set in `count`: at the end of the outermost slow path that it tells of, lets in what
/// waits, or leaves it to the one around that.
[[gnu::noinline, gnu::cold]] void let_in(uint32_t* count);

// In one instruction each: a signal that comes in between sets kWaits.
inline void enter_slow_path(uint32_t& count) {
  if (__builtin_expect(read_relaxed(deferred.cancels_at_once) != 0, 0)) {
    put_off_cancellation(&count);  // before the count says anything: it may be too late
  }
  __asm__ volatile("incl %0" : "+m"(count)::"memory", "cc");
}

inline void leave_slow_path(uint32_t& count) {
  bool something_waits;
  __asm__ volatile("decl %0" : "+m"(count), "=@ccs"(something_waits)::"memory");
  if (__builtin_expect(something_waits, 0)) {
    let_in(&count);
  }
}

inline void serve_if_waiting() {
  if (__builtin_expect(read_relaxed(deferred.waiting) != 0, 0)) {
    serve_waiting();
  }
}

/// Between these the calling thread is in a slow path, though no state of a thread is busy: it is
/// born, it ends, it forks. They nest.
inline void begin_quiet() {
  enter_slow_path(tls_quiet);
}

inline void end_quiet() {
  leave_slow_path(tls_quiet);
  serve_if_waiting();
}

class QuietScope {
 public:
  QuietScope() { begin_quiet(); }

  ~QuietScope() { end_quiet(); }

  QuietScope(const QuietScope&) = delete;
  QuietScope& operator=(const QuietScope&) = delete;
};

}  // namespace heaptag::allocator
