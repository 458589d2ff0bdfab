// The text of `heaptag run --help`, made from the same tables as the parser.
#pragma once

#include <CLI/App.hpp>
#include <string>

#include "tools/run/option_rows.h"

namespace heaptag::tools {

void print_run_help(const CLI::App& app);

/// What stands for the value of an option in the help: PATH, SIZE, N.
std::string value_name(const OptionRow& row);

/// What the flag means when it stands alone, --check as well as --check=full; "" when it may not.
std::string bare_value(const OptionRow& row);

}  // namespace heaptag::tools
