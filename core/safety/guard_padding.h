// What lies around a guarded block in its own pages. Layer: core/safety.  Allocates: no.
#pragma once

#include "core/safety/guard_region.h"

namespace heaptag::safety {

/// Its pages may be touched.
void fill_padding(const GuardedBlock& block);

/// Its pages may be touched, and nobody changes that meanwhile.
GuardDamage look_at_padding(const GuardedBlock& block);

/// The aligned 8 bytes of padding that are nearest to the block, on the side that no page guards.
/// 0: there are none.
uintptr_t watchable_word(const GuardedBlock& block);

/// Has that word changed? Then the first byte on its side of the block that has; else 0. Pre: as
/// look_at_padding.
uintptr_t first_change_beside(const GuardedBlock& block, uintptr_t word);

}  // namespace heaptag::safety
