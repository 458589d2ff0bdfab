#include "tools/run/tag_check.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "core/config/wrapper_list.h"
#include "tools/model/tag_rules.h"
#include "tools/text/message.h"

namespace heaptag::tools {
namespace {

bool check_readable(const char* option, const std::string& path) {
  if (access(path.c_str(), R_OK) == 0) {
    return true;
  }
  complain("run: {}: {}: {}; give the path of a file behind the @", option, path,
           std::strerror(errno));
  return false;
}

}  // namespace

bool check_tag_rules(const std::string& value) {
  const TagRules rules(value, config::RuleUse::kInTarget);
  for (const std::string& problem : rules.problems()) {
    complain("run: --tags: {}", problem);
  }
  return rules.problems().empty();
}

bool check_wrappers(const std::string& value) {
  unsigned mistakes = 0;
  const auto complain_of = [](void* count, const config::Mistake& mistake) {
    ++*static_cast<unsigned*>(count);
    complain("run: --wrappers: line {}, column {}: {}", mistake.line, mistake.column, mistake.what);
  };
  if (value.starts_with('@')) {
    return check_readable("--wrappers", value.substr(1));
  }
  config::read_wrapper_list(
      value, {[](void*, std::string_view, std::string_view) {}, complain_of, &mistakes});
  return mistakes == 0;
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
