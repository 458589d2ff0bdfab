// The report at the end of the process, written once, by the process that was told to.
// Layer: core/report.  Allocates: pages of its own, given back.  errno: never touched.
#pragma once

namespace heaptag::report {

/// Writes the report if one was asked for, this process is the one to write it, and none has been
/// written. A vfork child that shares our memory writes none. Signals: unsafe.
void write_exit_report(int status);

/// The same when the process is about to be ended because of an error.
void write_error_report();

/// From exit() and quick_exit(), after every destructor of the program: as write_exit_report, and
/// lets the libraries free what they keep first, so that the report shows what the program holds.
void write_report_at_exit(int status);

/// In a forked child: what it says depends on HEAPTAG_CHILDREN.
void note_forked_child();

}  // namespace heaptag::report
