// The rules of `heaptag run --tags`, looked at before the program starts.
#pragma once

#include <string>

namespace heaptag::tools {

/// Can the program read these rules, or those of `@FILE`? Every mistake has been told when it
/// cannot, one line each.
bool check_tag_rules(const std::string& value);

/// The same for the list of `--wrappers`.
bool check_wrappers(const std::string& value);

/// The value as a program may have it that changes its directory: the path of `@FILE` from the
/// root. Rules stay as they are.
std::string absolute_tag_rules(const std::string& value);

}  // namespace heaptag::tools
