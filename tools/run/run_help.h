// The text of `heaptag run --help`, made from the same tables as the parser.
#pragma once

#include <CLI/App.hpp>
#include <string>

#include "tools/run/option_rows.h"

namespace heaptag::tools {

void print_run_help(const CLI::App& app);

/// What stands for the value of an option in the help: PATH, SIZE, N.
std::string value_name(const OptionRow& row);

/// Whether the flag may stand alone: --leaks as well as --leaks=all.
bool value_is_optional(const OptionRow& row);

}  // namespace heaptag::tools
