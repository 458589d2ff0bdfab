// What a report says about the process and its surroundings, read from the kernel at the moment of
// the report. Layer: core/report.  Without /proc everything that needs it is "not known".
#pragma once

#include "core/base/rfc3339.h"
#include "core/render/model.h"
#include "core/report/scratch.h"

namespace heaptag::report {

/// A time as text, in memory of the caller.
struct TimeText {
  char text[kRfc3339Bytes];

  const char* set(uint64_t since_epoch_ns) {
    write_rfc3339(since_epoch_ns, text);
    return text;
  }
};

/// Memory of the whole process that is resident now. 0: not known.
uint64_t resident_bytes();

/// Fills process and environment of a report. Strings lie in `scratch` or in the session.
void describe_process(render::Report* report, Scratch* scratch);

}  // namespace heaptag::report
