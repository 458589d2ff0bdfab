// HEAPTAG_TAGS and HEAPTAG_WRAPPERS from text to the tables of core/tag. Layer: core/report.
#pragma once

#include "core/config/options.h"

namespace heaptag::report {

/// Reads the rules and wrappers, and lets them hold from here on, also for what was allocated
/// before. Mistakes are logged when `is_loud`. Before main, by the one thread that there is.
void apply_tag_options(const config::Options& options, bool is_loud);

}  // namespace heaptag::report
