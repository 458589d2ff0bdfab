// The names of owners, once their functions are known.
#pragma once

#include "tools/model/report.h"

namespace heaptag::tools {

/// Gives every owner that nobody named the one name that it has in all views
/// (core/render/names.h), from the function that the linker knows at its call site.
void name_owners(Report& report);

}  // namespace heaptag::tools
