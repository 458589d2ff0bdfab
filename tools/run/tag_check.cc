#include "tools/run/tag_check.h"

#include <filesystem>

#include "tools/model/tag_rules.h"
#include "tools/text/message.h"

namespace heaptag::tools {

bool check_tag_rules(const std::string& value) {
  const TagRules rules(value, config::RuleUse::kInTarget);
  for (const std::string& problem : rules.problems()) {
    complain("run: --tags: {}", problem);
  }
  return rules.problems().empty();
}

std::string absolute_tag_rules(const std::string& value) {
  if (value.size() < 2 || value[0] != '@') {
    return value;
  }
  std::error_code error;
  const std::filesystem::path path = std::filesystem::absolute(value.substr(1), error);
  return error ? value : "@" + path.string();
}

}  // namespace heaptag::tools
