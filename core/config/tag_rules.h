// Tag rules as text: `name=matcher[,matcher...]`, rules separated by `;` or newlines, `#` comments
// up to the end of the line. The target applies them to call sites (core/tag), the command to a
// report that was written without them (tools/model): one grammar, one place.
// Layer: core/config.  Allocates: no.  Everything is lent from the text.
//
//     rules    rule { ( ";" | newline ) rule }        blank ones are nothing
//     rule     name "=" matcher { "," matcher }       all of them must hold
//     name     text, or "*" with by:module
//     matcher  "lib:" glob | "func:" glob | "thread:" glob | "src:" glob | "size:" sizes
//              | "by:module" | "*"
//     sizes    size | size "-" size | size "-" | "-" size      both ends are meant; 4K = 4096
//     text     characters without , ; = # " ' and line ends, or what stands between "..." or '...'
//     glob     text with * (any characters), ? (one), [abc] (one of)
//
// Quotes hold a whole text, within a line. A # begins a comment where a word may begin: first in a
// line, or behind a blank, a comma or a semicolon.
// Blanks around names, matchers and separators are nothing.
#pragma once

#include <cstdint>
#include <string_view>

#include "core/config/mistake.h"

namespace heaptag::config {

enum class MatcherKind : uint8_t {
  kAny,       // "*"
  kLib,       // the module of the caller: base name or path
  kFunction,  // the function: raw symbol, or demangled
  kThread,    // name of the thread that allocates
  kSize,      // requested bytes
  kSource,    // file of the caller; only in the command
  kByModule,  // a tag for each module, called by its base name
};

struct Matcher {
  MatcherKind kind = MatcherKind::kAny;
  std::string_view glob;
  uint64_t min_bytes = 0;  // kSize
  uint64_t max_bytes = UINT64_MAX;
};

inline constexpr unsigned kMaxMatchers = 8;

struct TagRule {
  std::string_view name;
  std::string_view text;  // the whole rule as written, without blanks around it
  Matcher matchers[kMaxMatchers];
  unsigned matcher_count = 0;
};

/// Where and why a rule cannot be understood.
using RuleMistake = Mistake;

/// Told about every rule, in order. A rule with a mistake is told as one and left out; what follows
/// it is read.
struct RuleVisitor {
  void (*rule)(void* context, const TagRule& rule);
  void (*mistake)(void* context, const RuleMistake& mistake);
  void* context;
};

/// Which matchers can be answered here.
enum class RuleUse { kInTarget, kAfterwards };

/// Reads all rules of `text`. A rule has one mistake at most: its first. Cost: O(text), 1 KiB of
/// stack.
void read_tag_rules(std::string_view text, RuleUse use, const RuleVisitor& visitor);

}  // namespace heaptag::config
