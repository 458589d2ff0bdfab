// Tag rules written again, in one way: to compare them, and to read them once more.
#pragma once

#include <cstring>
#include <string>
#include <string_view>

#include "core/config/tag_rules.h"

namespace heaptag::fuzz {

/// With quotes where the text needs them.
inline std::string with_quotes(std::string_view text) {
  const bool is_plain = text.find_first_of(",;=#@\"'") == std::string_view::npos &&
                        text.find_first_of(" \t\r\xEF") == std::string_view::npos;
  const char quote = text.find('"') == std::string_view::npos ? '"' : '\'';
  return is_plain ? std::string(text) : quote + std::string(text) + quote;
}

inline std::string canonical(const config::Matcher& matcher) {
  const std::string glob = with_quotes(matcher.glob);
  switch (matcher.kind) {
    case config::MatcherKind::kAny:
      return "*";
    case config::MatcherKind::kLib:
      return "lib:" + glob;
    case config::MatcherKind::kFunction:
      return "func:" + glob;
    case config::MatcherKind::kThread:
      return "thread:" + glob;
    case config::MatcherKind::kSource:
      return "src:" + glob;
    case config::MatcherKind::kByModule:
      return "by:module";
    case config::MatcherKind::kSize:
      break;
  }
  return "size:" + std::to_string(matcher.min_bytes) + "-" + std::to_string(matcher.max_bytes);
}

inline std::string canonical(const config::TagRule& rule) {
  std::string text = with_quotes(rule.name);
  for (unsigned i = 0; i < rule.matcher_count; ++i) {
    text += (i == 0 ? "=" : ",") + canonical(rule.matchers[i]);
  }
  return text;
}

/// Blanks and quotes are what one rule written in two ways may differ in, but for its sizes.
inline std::string bare(std::string text) {
  std::erase_if(text, [](char c) { return std::strchr(" \t\r\"'", c) != nullptr && c != '\0'; });
  return text;
}

}  // namespace heaptag::fuzz
