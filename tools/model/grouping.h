// Views of one report: its owners, its call sites, or the modules that they lie in.
#pragma once

#include <string>

#include "tools/model/report.h"

namespace heaptag::tools {

enum class Grouping { kOwner, kSite, kModule };

/// Makes a row of each site or module. Sums stay what they are; a row's own peak is the largest
/// that is certain: of its parts, of what they held together at the peak, and of what they hold
/// now.
void group_by(Report& report, Grouping grouping);

}  // namespace heaptag::tools
