// The HEAPTAG_* options as the command sees them: rows of core/config/options.def.
#pragma once

#include <string>
#include <vector>

namespace heaptag::tools {

struct OptionRow {
  std::string name;  // without HEAPTAG_: "REPORT"
  std::string flag;  // without dashes: "report"
  std::string kind;  // as spelled in the table: "kPath"
  std::string help;
};

/// All rows that `heaptag run` has a flag for, in the order of the table.
const std::vector<OptionRow>& option_rows();

/// Whether the table has a row with this flag (without dashes).
bool has_option_flag(const std::string& flag);

}  // namespace heaptag::tools
