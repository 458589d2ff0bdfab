// The sites of one tag that still have blocks, as lines of the log: what leaks when the tag goes.
// Layer: core/report.
#pragma once

#include "core/base/types.h"

namespace heaptag::report {

/// "  2 blocks, 128 bytes: make_node (+0x1f, server)", the most bytes first.
void list_sites_of_tag(TagId tag);

}  // namespace heaptag::report
