// Waiting for a word to change. Layer: core/os.  Allocates: no.  errno: never touched.
#pragma once

#include "core/base/types.h"

namespace heaptag::os {

/// Returns when somebody has woken those who wait, when the word is not `value`, or when so much
/// time has passed, or earlier: the caller looks again.
void wait_on(const uint32_t* word, uint32_t value, uint64_t limit_ns);

/// Wakes all who wait. Signals: safe.
void wake_all(uint32_t* word);

}  // namespace heaptag::os
