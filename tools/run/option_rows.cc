#include "tools/run/option_rows.h"

#include <algorithm>

namespace heaptag::tools {
namespace {

OptionRow make_row(const char* name, const char* flag, const char* kind, const char* help) {
  return {name, flag == nullptr ? "" : flag, kind, help};
}

}  // namespace

const std::vector<OptionRow>& option_rows() {
  static const std::vector<OptionRow> rows = [] {
    std::vector<OptionRow> all = {
#define HEAPTAG_OPTION(name, flag, kind, default_value, help) make_row(#name, flag, #kind, help),
#include "core/config/options.def"
#undef HEAPTAG_OPTION
    };
    std::erase_if(all, [](const OptionRow& row) { return row.flag.empty(); });
    return all;
  }();
  return rows;
}

bool has_option_flag(const std::string& flag) {
  return std::any_of(option_rows().begin(), option_rows().end(),
                     [&](const OptionRow& row) { return row.flag == flag; });
}

}  // namespace heaptag::tools
