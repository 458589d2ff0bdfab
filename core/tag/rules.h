// The rules of HEAPTAG_TAGS at work: which tag a call site gets. What a rule asks of the site (its
// module, its function) is answered once, when the site is first seen; what it asks of the single
// call (thread, size) is answered on slow paths.
// Layer: core/tag.  Rules are set once, before main; after that they are only read.
#pragma once

#include <string_view>

#include "core/base/types.h"
#include "core/config/tag_rules.h"
#include "core/wire/tables.h"

namespace heaptag::tag {

inline constexpr uint32_t kMaxRules = 1024;

/// What a call tells beyond its site.
struct Call {
  uint64_t thread_rules;  // of the calling thread: thread_rules_of(its name)
  size_t size_bytes;
  size_t least_bytes;  // all requests from here
  size_t most_bytes;   // to here would like to share the answer
};

/// The rules that a site may come under, in order: those whose lib: and func: hold, up to the first
/// that asks nothing of the call.
struct Candidates {
  uint16_t count;
  uint16_t rules[];
};

/// Appends a rule. The text that it points to must stay. False when there are too many, or no
/// memory.
bool add_rule(const config::TagRule& rule);

uint32_t rule_count();
const uint32_t* rule_count_address();
wire::RuleRecord* rules();
wire::RuleRecord* const* rules_address();

/// Has rule `rule` a func: matcher, and do its lib: matchers hold for the module at `path`? Then
/// the functions of the module have to be looked at.
bool wants_functions_of(uint32_t rule, const char* path);

/// Do all func: matchers of the rule hold for a raw symbol?
bool function_matches(uint32_t rule, std::string_view symbol);

/// A site in the module at `path`; `has_function(context, rule)` says whether the site's function
/// matched.
struct SiteView {
  const char* path;  // empty: in no module
  bool (*has_function)(const void* context, uint32_t rule);
  const void* context;
};

/// The rules that the site may come under (Candidates), at most `capacity`. Returns how many.
uint16_t find_candidates(const SiteView& site, uint16_t* rules, uint16_t capacity);

/// Does the rule ask anything of the single call?
bool is_conditional(uint32_t rule);

/// Of the candidates the first that holds, or kMaxRules. `*is_steady` becomes false when another
/// request between least_bytes and most_bytes would get another answer.
uint32_t first_match(const uint16_t* rules, uint16_t count, const Call& call, bool* is_steady);

/// The rule's tag, whatever the site. kNone when that depends on the module.
TagId tag_of_rule(uint32_t rule);

/// The tag that the rule gives to a site in the module at `path`. Under the owner table's lock.
TagId tag_of_rule_locked(uint32_t rule, const char* path);

/// One bit for each rule with a thread: matcher that holds for a thread of that name.
uint64_t thread_rules_of(std::string_view thread_name);
bool has_thread_rules();

}  // namespace heaptag::tag
