// What reports need from the beginning: options, arguments, the place for messages, the exit
// handlers. Layer: core/report.
#pragma once

namespace heaptag::report {

/// From the library's constructor, once. Without a HEAPTAG_* in the environment it does next to
/// nothing.
void start(int argc, char** argv, char** environment);

/// The same where `file`, by its `function`, is the program's allocator: there will be no report,
/// and whoever has asked for one is told why.
void start_aside(int argc, char** argv, char** environment, const char* function, const char* file);

}  // namespace heaptag::report
