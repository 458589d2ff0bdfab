// What the document of MALLOC promises of freed memory: in its last word, the program counter of
// whoever freed it, and the checksum of its content. A wild write may hit it like the rest; the
// record beside the heap tells what it should be. Layer: core/zone.
// Source: Digital UNIX, malloc(9r), NOTES; the layout is ours.
#pragma once

#include "core/allocator/checked_span.h"

namespace heaptag::zone {

/// The last word of an element: pc << 16 | sum of all other bytes, folded to 16 bits.
void write_last_word(const allocator::CheckedBlock& block, uintptr_t pc);

}  // namespace heaptag::zone
