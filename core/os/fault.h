// Faults: what the processor tells of one, and a look at each before the program's handler gets it.
// Traps, too, where somebody asks for them.
// Layer: core/os.  Allocates: no.  Locks: none.  Signals: safe.  errno: never touched.
//
// The kernel has our handler for the signal then; what the program sets for them is kept
// here instead, and done after our look as the kernel would have done it: its handler with its mask
// and flags, or the default. A fault while its signal is blocked ends the process without a look,
// as it does without us.
#pragma once

#include "core/base/types.h"

namespace heaptag::os {

struct Fault {
  int number;         // SIGSEGV, SIGBUS or SIGTRAP
  bool is_sent;       // by kill or its relatives: no instruction is to blame, there is no address
  bool is_write;      // else a read
  bool is_execution;  // of what lies at the address
  uintptr_t address;  // 0, too, where the processor does not tell (non-canonical addresses)
  uintptr_t pc;       // of the instruction that is to blame; of SIGTRAP: where it goes on
  uintptr_t sp;
  uintptr_t rbp;
};

/// `info` and `context` as the handler got them.
Fault read_fault(int number, const void* info, const void* context);

/// Called with all signals blocked, by several threads at once, on the stack that the program's
/// handler would have. A fault in it ends the process.
using FaultHook = void (*)(const Fault& fault);

/// Once, when there is no other thread yet. Signals that are sent are not shown to the hook. False
/// when the kernel refuses.
bool own_faults(FaultHook hook);

/// The same for SIGTRAP, `info` as the handler got it. True: nobody else is to know of it.
using TrapHook = bool (*)(const Fault& trap, const void* info);

/// Once, after own_faults.
bool own_traps(TrapHook hook);

/// Are actions of this signal kept here?
bool owns_faults(int number);

/// What a program may say of a signal.
struct SignalAction {
  uintptr_t handler;  // SIG_DFL and SIG_IGN as the kernel has them
  uint32_t flags;
  uint64_t mask;
};

/// sigaction for signals that are kept here; either may be null. False when the kernel refuses,
/// which only children do that share our memory.
bool change_fault_action(int number, const SignalAction* action, SignalAction* old);

}  // namespace heaptag::os
