#include "tools/model/tag_rules.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <fstream>

namespace heaptag::tools {

TagRules::TagRules(const std::string& value, config::RuleUse use) : text_(value) {
  if (value.starts_with('@')) {
    const std::string path = value.substr(1);
    prefix_ = path + ": ";
    if (!read_file(path)) {
      return;
    }
  }
  const config::RuleVisitor visitor{
      [](void* context, const config::TagRule& rule) {
        static_cast<TagRules*>(context)->rules_.push_back(rule);
      },
      [](void* context, const config::RuleMistake& mistake) {
        auto* self = static_cast<TagRules*>(context);
        self->problems_.push_back(fmt::format("{}line {}, column {}: {}", self->prefix_,
                                              mistake.line, mistake.column, mistake.what));
      },
      this};
  config::read_tag_rules(text_, use, visitor);
  if (rules_.empty() && problems_.empty()) {
    problems_.push_back(prefix_ + "no rule in it; one is NAME=MATCHER, as db=lib:libpq*");
  }
}

bool TagRules::read_file(const std::string& path) {
  constexpr size_t kMostBytes = size_t{1} << 20;
  if (path.empty()) {
    problems_.emplace_back("no file behind the @");
    return false;
  }
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  text_.assign(kMostBytes + 1, '\0');
  file.read(text_.data(), static_cast<std::streamsize>(text_.size()));
  text_.resize(static_cast<size_t>(file.gcount()));
  if (!file.is_open() || file.bad()) {
    problems_.push_back(fmt::format("cannot read {}: {}", path, std::strerror(errno)));
    return false;
  }
  if (text_.size() > kMostBytes) {
    problems_.push_back(fmt::format("{} has more than 1M: no list of tag rules", path));
    return false;
  }
  return true;
}

}  // namespace heaptag::tools
