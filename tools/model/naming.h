// The names of owners, once their functions are known.
#pragma once

#include "tools/model/report.h"

namespace heaptag::tools {

/// The frame of the function that the linker knows at the call site; null when there is none. What
/// is inlined there comes before it, the functions that called it behind.
const Frame* linked_frame_or_null(const Site& site);

/// Gives every owner that nobody named the one name that it has in all views
/// (core/render/names.h), from the function that the linker knows at its call site.
void name_owners(Report& report);

}  // namespace heaptag::tools
