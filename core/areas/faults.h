// Places in critical sections where tests have the process killed. Nothing in the library that is
// shipped: HEAPTAG_AREAS_FAULTS is defined for a build of its own in tests/.
// Layer: core/areas.
#pragma once

namespace heaptag::areas {

enum class Fault {
#define HEAPTAG_FAULT(name) name,
#include "core/areas/faults.def"
#undef HEAPTAG_FAULT
};

#ifdef HEAPTAG_AREAS_FAULTS
/// Kills the process when AREAS_KILL_AT names this place.
void fault_point(Fault fault);
#else
inline void fault_point(Fault /*fault*/) {}
#endif

}  // namespace heaptag::areas
