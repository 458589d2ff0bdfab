#include "core/allocator/interruption.h"

#include "core/allocator/threads.h"

namespace heaptag::allocator {

__thread ThreadState* tls_interrupted __attribute__((tls_model("initial-exec"))) = nullptr;

namespace {

void give_back_if_any(ThreadState* state) {
  if (state != &cold_state) {
    give_back(state);
  }
}

ThreadState* take_innermost() {
  ThreadState* state = tls_interrupted;
  tls_interrupted = state->interrupted_before;
  return state;
}

// Handlers that were left by a longjmp or an exception: the thread has gone on with the state that
// it had there, if any, and nobody will go on with what they interrupted.
void forget_abandoned(const void* context) {
  while (tls_interrupted != nullptr && os::is_frame_gone(tls_interrupted->handler_frame, context)) {
    ThreadState* state = take_innermost();
    if (tls_state == &cold_state) {
      tls_state = state;
    } else {
      give_back(state);
    }
  }
}

// Stores keep their order for a signal that comes in between.
void fence() {
  __asm__ volatile("" ::: "memory");
}

// Another signal may come between any two lines. It never finds a state both in use and in the
// list.
void call_apart(os::SignalHandler* handler, int number, void* info, void* context) {
  ThreadState* state = tls_state;
  ThreadState* before = tls_interrupted;
  tls_state = &cold_state;
  fence();
  if (state != &cold_state) {
    state->interrupted_before = before;
    state->handler_frame = reinterpret_cast<uintptr_t>(__builtin_frame_address(0));
    fence();
    tls_interrupted = state;
  }
  handler(number, info, context);
  // What was abandoned inside of this handler will not come back either.
  ThreadState* ours = state != &cold_state ? state : before;
  while (tls_interrupted != ours) {
    ThreadState* used = tls_state;
    tls_state = take_innermost();
    give_back_if_any(used);
  }
  ThreadState* used = tls_state;
  tls_interrupted = before;
  fence();
  tls_state = state;
  give_back_if_any(used);
}

// Synchronous signals cannot wait: the instruction would be executed again.
bool put_off(os::SignalHandler* entry, int number, void* info, void* context) {
  uint64_t mask = 0;
  if (may_serve() || os::is_synchronous(number, info) ||
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
  if (!is_in_us) {
    handler(number, info, context);
  } else {
    call_apart(handler, number, info, context);
  }
}

bool is_interrupted(const ThreadState* state) {
  for (const ThreadState* one = tls_interrupted; one != nullptr; one = one->interrupted_before) {
    if (one == state) {
      return true;
    }
  }
  return false;
}

void give_back_interrupted() {
  while (tls_interrupted != nullptr) {
    give_back(take_innermost());
  }
}

}  // namespace heaptag::allocator
