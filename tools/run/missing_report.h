// Why a program left no report: the most likely reason, from how it ended and what its file is.
#pragma once

#include <string>

#include "tools/run/launcher.h"

namespace heaptag::tools {

/// One sentence without a full stop, for a message that begins with the program's name; "" when the
/// library has said it: it stands aside for a malloc of the program's own.
std::string explain_missing_report(const std::string& program, const Outcome& outcome);

}  // namespace heaptag::tools
