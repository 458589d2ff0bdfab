// Tag rules that are applied afterwards: to a report that was made without them, or with others.
#pragma once

#include <vector>

#include "core/config/tag_rules.h"
#include "tools/model/report.h"

namespace heaptag::tools {

/// Does one matcher hold at a call site? `lib` looks at the module, by its path or base name;
/// `func` and `src` at the function that the linker knows there and at those inlined into it: the
/// name as shown or as the linker has it; the file by its path, or the end of it from any slash on.
bool matches(const config::Matcher& matcher, const Site& site);

/// Gives each call site to the first of the rules that matches it; the others keep the tag that
/// they had. Figures and what was held at the peak are sums of the sites; a tag's own peak is the
/// largest that is certain, unless it stays whole. The rules become those of the report.
/// Pre: functions and files are looked up. Owners have to be named afterwards.
void retag(Report& report, const std::vector<config::TagRule>& rules);

}  // namespace heaptag::tools
