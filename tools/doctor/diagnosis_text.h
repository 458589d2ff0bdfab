// A diagnosis as text.
#pragma once

#include <string>

#include "tools/doctor/finding.h"

namespace heaptag::tools {

size_t count_of(const Findings& findings, Grade grade);

/// "; 2 warnings", or nothing.
std::string warnings_text(const Findings& findings);

/// Puts `command`, the way in which heaptag was called, in the place of the bare name in what is
/// proposed to be typed; `path`, the whole one, behind sudo, which has a PATH of its own.
void name_command(Diagnosis& diagnosis, const std::string& command, const std::string& path);

/// The verdict, a row for each finding, and the commands. Texts are wrapped at words to `columns`;
/// commands never are: they are to be copied. Names of strangers may be in all of it.
std::string as_text(const Diagnosis& diagnosis, size_t columns);

}  // namespace heaptag::tools
