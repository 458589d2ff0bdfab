// Signals, by raw system calls: a program may wrap sigaction and its relatives, and need not be
// ready when we start. Layer: core/os.  Allocates: no.  Signals: safe.  errno: never touched.
#pragma once

#include "core/base/types.h"

namespace heaptag::os {

/// Calls `handler` when the signal comes: on the alternate stack of the thread if it has one, with
/// every other signal blocked; system calls go on afterwards where the kernel can do that. False
/// when the kernel refuses.
bool handle_signal(int number, void (*handler)(int number));

enum class Blocked { kAll, kOfWriting };

/// Blocks signals of the calling thread while in scope. SIGPIPE and SIGXFSZ, which the thread gets
/// for what it writes meanwhile, are taken away at the end: they are not the program's.
class SignalBlock {
 public:
  explicit SignalBlock(Blocked which);
  ~SignalBlock();

  SignalBlock(const SignalBlock&) = delete;
  SignalBlock& operator=(const SignalBlock&) = delete;

 private:
  uint64_t mask_ = 0;     // before
  uint64_t pending_ = 0;  // before
};

/// Calls function(context) on another stack, which ends at `stack_end` (a multiple of 16).
void call_on_stack(void* stack_end, void (*function)(void* context), void* context);

}  // namespace heaptag::os
