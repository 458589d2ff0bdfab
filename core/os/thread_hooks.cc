#include "core/os/thread_hooks.h"

#include <limits.h>
#include <pthread.h>
#include <sys/prctl.h>

#include "core/os/process.h"
#include "core/os/syscall.h"

extern "C" {
void _IO_list_lock() __attribute__((weak));
void _IO_list_unlock() __attribute__((weak));
void _IO_list_resetlock() __attribute__((weak));
}

namespace heaptag::os {

namespace {

constinit pthread_key_t key{};
constinit bool has_key = false;
using Ending = bool (*)(bool last_round);
constinit Ending on_ending = nullptr;

constinit bool has_streams = false;  // written by the forking thread, under what it has locked

// Not the last that there is: a thread whose first allocation comes from another destructor starts
// counting one or two rounds late.
constexpr uintptr_t kLastRound = 2;
static_assert(kCancelDeferred == PTHREAD_CANCEL_DEFERRED &&
              kCancelAtOnce == PTHREAD_CANCEL_ASYNCHRONOUS);
static_assert(kLastRound < PTHREAD_DESTRUCTOR_ITERATIONS);

// The value of the key counts rounds: 1 is the first.
void end_of_thread(void* value) {
  const auto round = reinterpret_cast<uintptr_t>(value);
  const bool last = round >= kLastRound;
  if (on_ending(last) && !last) {
    pthread_setspecific(key, reinterpret_cast<void*>(round + 1));
  }
}

}  // namespace

bool watch_thread_ends(bool (*ending)(bool last_round)) {
  on_ending = ending;
  has_key = pthread_key_create(&key, end_of_thread) == 0;
  return has_key;
}

void watch_this_thread() {
  if (has_key) {
    pthread_setspecific(key, reinterpret_cast<void*>(uintptr_t{1}));
  }
}

void thread_name(char* name) {
  name[0] = '\0';
  raw_syscall(SYS_prctl, PR_GET_NAME, reinterpret_cast<long>(name));
}

void lock_streams() {
  has_streams = !is_single_threaded() && _IO_list_lock != nullptr;
  if (has_streams) {
    _IO_list_lock();
  }
}

void unlock_streams() {
  if (has_streams) {
    _IO_list_unlock();
  }
}

void reset_streams() {
  if (has_streams) {
    _IO_list_resetlock();
  }
}

void watch_forks(void (*prepare)(), void (*parent)(), void (*child)()) {
  pthread_atfork(prepare, parent, child);
}

}  // namespace heaptag::os
