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

/// What the kernel calls: with a siginfo_t and a ucontext_t.
using SignalHandler = void(int number, void* info, void* context);

/// Where a signal has interrupted the thread.
uintptr_t interrupted_pc(const void* context);

/// Is that in the code of the file that this function is linked into?
bool is_own_code(uintptr_t pc);

/// Comes of the instruction that was interrupted (a fault, a trap, a filtered system call), or may
/// do so: only handlers that ask are told whether somebody has sent it. `info` as the handler got
/// it.
bool is_synchronous(int number, const void* info);

/// From the handler of a signal: sends it to the calling thread again, with all that was told of
/// it, and has all but synchronous signals blocked when the handler has returned, until
/// set_signal_mask(*mask). `entry` is the handler that the kernel has for it, or had, if it was to
/// be called once. False when the kernel refuses: nothing has changed.
bool send_again(SignalHandler* entry, int number, const void* info, void* context, uint64_t* mask);

void set_signal_mask(uint64_t mask);

/// The signals that the calling thread has blocked: bit N - 1 for signal N.
uint64_t signal_mask();

/// Was the frame that `address` lies in left before a signal interrupted the thread? A yes is
/// certain as long as the thread does not change stacks by itself.
bool is_frame_gone(uintptr_t address, const void* context);

/// Calls function(context) on another stack, which ends at `stack_end` (a multiple of 16).
void call_on_stack(void* stack_end, void (*function)(void* context), void* context);

}  // namespace heaptag::os
