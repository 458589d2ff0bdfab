#include "core/allocator/interruption.h"

#include "core/allocator/threads.h"

namespace heaptag::allocator {

__thread Interruptions tls_interruptions __attribute__((tls_model("initial-exec"))) = {};

namespace {

void give_back_if_any(ThreadState* state) {
  if (state != &cold_state) {
    give_back(state);
  }
}

// Handlers that were left by a longjmp or an exception: the thread has gone on with the state that
// it had there, and nobody will go on with what they interrupted.
void forget_abandoned(const void* context) {
  while (tls_interruptions.count != 0 &&
         os::is_frame_gone(tls_interruptions.at[tls_interruptions.count - 1].frame, context)) {
    give_back_if_any(tls_interruptions.at[--tls_interruptions.count].state);
  }
}

void call_apart(os::SignalHandler* handler, int number, void* info, void* context) {
  const uint32_t level = tls_interruptions.count;
  tls_interruptions.at[level] = {tls_state,
                                 reinterpret_cast<uintptr_t>(__builtin_frame_address(0))};
  tls_interruptions.count = level + 1;
  tls_state = &cold_state;
  handler(number, info, context);
  // What was abandoned inside of this handler will not come back either.
  while (tls_interruptions.count > level) {
    ThreadState* used = tls_state;
    tls_state = tls_interruptions.at[--tls_interruptions.count].state;
    give_back_if_any(used);
  }
}

// Synchronous signals cannot wait: the instruction would be executed again.
bool put_off(os::SignalHandler* entry, int number, void* info, void* context) {
  uint64_t mask = 0;
  if (may_serve() || os::is_synchronous(number) ||
      !os::send_again(entry, number, info, context, &mask)) {
    return false;
  }
  note_waiting_signals(mask);
  return true;
}

}  // namespace

void handle_interruption(
    os::SignalHandler* entry, os::SignalHandler* handler, int number, void* info, void* context) {
  if (put_off(entry, number, info, context)) {
    return;
  }
  forget_abandoned(context);
  const bool is_in_us = os::is_own_code(os::interrupted_pc(context)) || !may_serve();
  if (!is_in_us || tls_interruptions.count == kMaxInterrupted) {
    handler(number, info, context);
  } else {
    call_apart(handler, number, info, context);
  }
}

bool is_interrupted(const ThreadState* state) {
  for (uint32_t i = 0; i < tls_interruptions.count; ++i) {
    if (tls_interruptions.at[i].state == state) {
      return true;
    }
  }
  return false;
}

void give_back_interrupted() {
  while (tls_interruptions.count != 0) {
    give_back_if_any(tls_interruptions.at[--tls_interruptions.count].state);
  }
}

}  // namespace heaptag::allocator
