#include "core/os/thread_hooks.h"

#include <limits.h>
#include <pthread.h>

#include "core/base/types.h"

namespace heaptag::os {

namespace {

constinit pthread_key_t key{};
constinit bool has_key = false;
using Ending = bool (*)(bool last_round);
constinit Ending on_ending = nullptr;

// The value of the key counts rounds: 1 is the first.
void end_of_thread(void* value) {
  const auto round = reinterpret_cast<uintptr_t>(value);
  const bool last = round >= PTHREAD_DESTRUCTOR_ITERATIONS;
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

void watch_forks(void (*prepare)(), void (*parent)(), void (*child)()) {
  pthread_atfork(prepare, parent, child);
}

}  // namespace heaptag::os
