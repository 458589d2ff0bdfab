// How to leave the frame that a return address belongs to, as the module that holds it says.
// Layer: core/stack.  Allocates: no.  Locks: none.  Signals: safe.
// For what is loaded, by glibc 2.35 or later; nothing is found elsewhere.
#pragma once

#include "core/stack/frame_row.h"

namespace heaptag::stack {

/// The row of .eh_frame that holds for the call before the return address `pc`, at pc - 1. False
/// when there is none or a FrameRow cannot say it: see read_frame_row.
bool find_frame_row(uintptr_t pc, FrameRow* row);

/// Where the code of the function begins and ends whose call returns to `pc`. What the compiler has
/// split (.cold) is two functions. False when no entry of .eh_frame covers it.
bool find_function_range(uintptr_t pc, uintptr_t* begin, uintptr_t* end);

}  // namespace heaptag::stack
