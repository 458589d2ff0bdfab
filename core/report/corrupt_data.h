// `kmem_corrupt_data`, where a debugger finds what the last corruption was, in a core file, too.
// Source: Digital UNIX, malloc(9r), NOTES. Layer: core/report.
#pragma once

#include "core/safety/finding.h"

namespace heaptag::report {

/// Keeps what is known of a block that was changed after its free.
void note_corrupt_data(const safety::Finding& finding);

}  // namespace heaptag::report
