#include "tools/run/foreign_options.h"

#include <algorithm>

namespace heaptag::tools {
namespace {

struct Row {
  const char* name;
  const char* owner;
  const char* ours;
};

constexpr Row kRows[] = {
#define HEAPTAG_FOREIGN_OPTION(name, owner, ours) {name, owner, ours},
#include "tools/run/foreign_options.def"
#undef HEAPTAG_FOREIGN_OPTION
};

}  // namespace

std::optional<ForeignOption> find_foreign_option(const std::string& name) {
  std::string with_underscores = name;
  std::replace(with_underscores.begin(), with_underscores.end(), '-', '_');
  for (const Row& row : kRows) {
    if (name == row.name || with_underscores == row.name) {
      return ForeignOption{row.owner, row.ours};
    }
  }
  if (name.starts_with("no-")) {
    return find_foreign_option(name.substr(3));
  }
  return std::nullopt;
}

}  // namespace heaptag::tools
