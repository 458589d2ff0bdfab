// What lies around a guarded block in its own pages. Layer: core/safety.  Allocates: no.
#pragma once

#include "core/safety/guard_region.h"

namespace heaptag::safety {

/// Its pages may be touched.
void fill_padding(const GuardedBlock& block);

/// Its pages may be touched, and nobody changes that meanwhile.
GuardDamage look_at_padding(const GuardedBlock& block);

}  // namespace heaptag::safety
