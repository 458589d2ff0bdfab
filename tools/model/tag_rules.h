// Tag rules as the user types them: `--tags RULES` or `--tags @FILE`. The grammar is
// core/config/tag_rules.h's.
#pragma once

#include <string>
#include <vector>

#include "core/config/tag_rules.h"

namespace heaptag::tools {

class TagRules {
 public:
  /// Reads rules, or `@FILE` with rules.
  TagRules(const std::string& value, config::RuleUse use);
  TagRules(const TagRules&) = delete;  // the rules borrow its text
  TagRules& operator=(const TagRules&) = delete;

  [[nodiscard]] const std::vector<config::TagRule>& rules() const { return rules_; }

  /// What is wrong, one line each: "line 1, column 7: ...", with the file before it. Nothing when
  /// all rules can be used.
  [[nodiscard]] const std::vector<std::string>& problems() const { return problems_; }

 private:
  bool read_file(const std::string& path);

  std::string text_;
  std::string prefix_;  // of problems
  std::vector<config::TagRule> rules_;
  std::vector<std::string> problems_;
};

}  // namespace heaptag::tools
