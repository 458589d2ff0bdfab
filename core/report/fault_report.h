// Guarded blocks at work: what the options ask for, and faults at such blocks, which become errors
// before the program's own handler, or the default action, has its turn. Layer: core/report.
// Signals: faults come anywhere but in our slow paths. errno: never touched.
#pragma once

#include "core/config/options.h"

namespace heaptag::report {

/// Turns on what the options ask for. `goes_on`: the program goes on when memory is found to be
/// corrupted, so that guards may be wanted later. Before a second thread is there.
void start_guarding(const config::CheckOptions& options, bool goes_on);

/// At the end, if all of something was to be guarded: says what was not.
void tell_unguarded();

}  // namespace heaptag::report
