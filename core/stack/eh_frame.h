// Finds the entry of a function in a module's .eh_frame by the search table of its .eh_frame_hdr.
// Every byte is untrusted: a module may be damaged, or made to hurt.
// Layer: core/stack.  Allocates: no.  Locks: none.  Signals: safe.
// Invariant: nothing outside of UnwindTables::bytes is ever read. What cannot be understood has no
// entry.
// Source: Linux Standard Base, "Exception Frames"; DWARF 5, section 6.4.
#pragma once

#include "core/stack/byte_reader.h"

namespace heaptag::stack {

/// Where the unwind tables of one module are mapped.
struct UnwindTables {
  uintptr_t header = 0;  // .eh_frame_hdr
  ByteRange bytes;       // hold both .eh_frame_hdr and .eh_frame
};

/// A function as .eh_frame has it: an FDE together with its CIE.
struct FunctionEntry {
  uintptr_t begin = 0;  // of its code
  uintptr_t end = 0;
  uint64_t code_factor = 1;
  int64_t data_factor = 1;
  uint64_t return_register = 0;
  uint8_t pointer_encoding = kPointerAbsolute;
  bool is_signal_frame = false;
  ByteRange initial_program;  // the CIE's instructions, then
  ByteRange program;          // its own
};

/// The entry of the function whose code `address` lies in. False when there is none, or no table
/// that can be searched: sorted, of 32-bit offsets.
bool find_function_entry(const UnwindTables& tables, uintptr_t address, FunctionEntry* entry);

}  // namespace heaptag::stack
