// A stack as return addresses, innermost first: rows of .eh_frame are looked up once per address
// and kept, so that a frame costs a few loads. Layer: core/stack.  Allocates: no.  Locks: none.
// Signals: safe.
#pragma once

#include "core/stack/frame_row.h"

namespace heaptag::stack {

inline constexpr unsigned kMaxDepth = 64;

/// Return addresses from `frame` outward, its own pc first, without those for which `skip` says so
/// at the beginning. Ends at `depth`, and where no row leads on: at the first function of the
/// thread, in code without tables. Returns how many.
unsigned capture(const Frame& frame, bool (*skip)(uintptr_t pc), unsigned depth, uintptr_t* pcs);

/// Rows may be those of other code from here on: a module is gone.
void forget_rows();

}  // namespace heaptag::stack
