// What reports need from the beginning: options, arguments, the place for messages, the exit
// handlers. Layer: core/report.
#pragma once

namespace heaptag::report {

/// From the library's constructor, once. Without a HEAPTAG_* in the environment it does next to
/// nothing.
void start(int argc, char** argv, char** environment);

}  // namespace heaptag::report
