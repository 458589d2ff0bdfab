// Pages that stay in memory: best effort, for what the kernel refuses is counted, and said once.
// Layer: core/zone.
// Source: OSMalloc.h, "wired memory"; here mlock(2).
#pragma once

#include "core/zone/zone.h"

namespace heaptag::zone {

/// Locks the pages of a span: kFlagWired says whether they are.
void wire(Span* span);

/// The same the other way round, if they are locked.
void unwire(Span* span);

}  // namespace heaptag::zone
