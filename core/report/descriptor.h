// The exported description of all tables, for readers outside of the process.
// Layer: core/report.
#pragma once

namespace heaptag::report {

/// Fills `heaptag_descriptor`. Pre: the heap is ready.
void publish_descriptor();

/// In a forked child.
void publish_process_id();

}  // namespace heaptag::report
