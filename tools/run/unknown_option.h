// The answer to an option that there is not.
#pragma once

#include <CLI/App.hpp>
#include <string>

namespace heaptag::tools {

/// "-o", "--output".
std::string with_dashes(const std::string& name);

/// Complains of `word`, whose name without dashes and value is `name`: another tool's option is
/// answered with ours, a mistyped one with the nearest.
void complain_unknown_option(const std::string& command,
                             const CLI::App& app,
                             const std::string& word,
                             const std::string& name);

}  // namespace heaptag::tools
