// Accesses beside guarded blocks where no page is untouchable, as the processor's watchpoints tell
// of them. Layer: core/report.
#pragma once

namespace heaptag::report {

/// After own_faults and with guards started. Nothing happens where there are no watchpoints.
void start_watch_reports();

}  // namespace heaptag::report
