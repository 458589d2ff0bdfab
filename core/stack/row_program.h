// Runs the instructions of an .eh_frame entry up to an address: the row that holds there.
// Layer: core/stack.  Allocates: no.  Locks: none.  Signals: safe.
#pragma once

#include "core/stack/eh_frame.h"
#include "core/stack/frame_row.h"

namespace heaptag::stack {

/// The row that holds at `address`, which lies in the function. False when the instructions cannot
/// be understood, or a FrameRow cannot say what they say:
/// the CFA by an expression or from another register, the return address elsewhere than at CFA - 8,
/// rbp undefined, in another register, above the CFA or by an expression; and for signal frames.
bool read_frame_row(const FunctionEntry& entry, uintptr_t address, FrameRow* row);

}  // namespace heaptag::stack
