// Values of options as the library will read them: a typing error is found before the program
// starts.
#pragma once

#include <string>

namespace heaptag::tools {

/// Asks the library's own reader about HEAPTAG_`name`. False after a complaint, in which the option
/// is called as the user has typed it: "--check", or the variable.
bool check_setting(const std::string& typed, const std::string& name, const std::string& value);

/// A file that the program will read. Returns its path from the root, since the program's children
/// may be elsewhere; "" after a complaint.
std::string readable_file(const std::string& typed, const std::string& path);

}  // namespace heaptag::tools
