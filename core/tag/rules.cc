#include "core/tag/rules.h"

#include <cstring>

#include "core/base/glob.h"
#include "core/base/text.h"
#include "core/elf/function_glob.h"
#include "core/meta/meta_allocator.h"
#include "core/tag/tags.h"

namespace heaptag::tag {

namespace {

using config::Matcher;
using config::MatcherKind;
using config::TagRule;

constexpr unsigned kMaxThreadRules = 64;
constexpr uint8_t kNoBit = 0xff;

struct Rule {
  TagRule text;
  uint8_t thread_bit;  // kNoBit: asks nothing of the thread
  uint8_t function_count;
  elf::FunctionGlob functions[config::kMaxMatchers];
  bool has_size;
  bool by_module;
  TagId tag;  // kNone: by module
};

constinit meta::GrowingTable<Rule> table{};
constinit meta::GrowingTable<wire::RuleRecord> records{};
constinit uint32_t count = 0;
constinit unsigned thread_rules = 0;

template <typename Holds>
bool all_of_kind(const Rule& rule, MatcherKind kind, Holds holds) {
  for (unsigned i = 0; i < rule.text.matcher_count; ++i) {
    const Matcher& matcher = rule.text.matchers[i];
    if (matcher.kind == kind && !holds(matcher)) {
      return false;
    }
  }
  return true;
}

bool has_kind(const TagRule& rule, MatcherKind kind) {
  for (unsigned i = 0; i < rule.matcher_count; ++i) {
    if (rule.matchers[i].kind == kind) {
      return true;
    }
  }
  return false;
}

bool module_matches(const Rule& rule, const char* path) {
  return all_of_kind(rule, MatcherKind::kLib, [path](const Matcher& matcher) {
    return glob_matches(matcher.glob, base_name(path)) || glob_matches(matcher.glob, path);
  });
}

}  // namespace

bool add_rule(const TagRule& text) {
  if (count == kMaxRules || !table.init(kMaxRules) || !records.init(kMaxRules) ||
      !table.grow_to(size_t{count} + 1) || !records.grow_to(size_t{count} + 1)) {
    return false;
  }
  Rule& rule = table[count];
  rule.text = text;
  rule.function_count = 0;
  for (unsigned i = 0; i < text.matcher_count; ++i) {
    if (text.matchers[i].kind == MatcherKind::kFunction) {
      rule.functions[rule.function_count++] = elf::FunctionGlob(text.matchers[i].glob);
    }
  }
  rule.has_size = has_kind(text, MatcherKind::kSize);
  rule.by_module = has_kind(text, MatcherKind::kByModule);
  rule.tag = rule.by_module ? TagId::kNone : intern_tag_locked(text.name, wire::TagOrigin::kRule);
  rule.thread_bit = kNoBit;
  if (has_kind(text, MatcherKind::kThread)) {
    if (thread_rules == kMaxThreadRules) {
      return false;
    }
    rule.thread_bit = static_cast<uint8_t>(thread_rules++);
  }
  records[count].name = reinterpret_cast<uintptr_t>(meta::keep_text(text.name));
  records[count].text = reinterpret_cast<uintptr_t>(meta::keep_text(text.text));
  __atomic_store_n(&count, count + 1, __ATOMIC_RELEASE);
  return true;
}

uint32_t rule_count() {
  return count;
}

const uint32_t* rule_count_address() {
  return &count;
}

wire::RuleRecord* rules() {
  return records.data();
}

wire::RuleRecord* const* rules_address() {
  return records.data_address();
}

bool wants_functions_of(uint32_t rule, const char* path) {
  return table[rule].function_count != 0 && module_matches(table[rule], path);
}

bool function_matches(uint32_t rule, std::string_view symbol) {
  for (unsigned i = 0; i < table[rule].function_count; ++i) {
    if (!table[rule].functions[i].matches(symbol)) {
      return false;
    }
  }
  return true;
}

uint16_t find_candidates(const SiteView& site, uint16_t* found, uint16_t capacity) {
  uint16_t size = 0;
  for (uint32_t i = 0; i < count && size < capacity; ++i) {
    const Rule& rule = table[i];
    if (!module_matches(rule, site.path) ||
        (rule.function_count != 0 && !site.has_function(site.context, i))) {
      continue;
    }
    found[size++] = static_cast<uint16_t>(i);
    if (!is_conditional(i)) {
      break;
    }
  }
  return size;
}

bool is_conditional(uint32_t rule) {
  return table[rule].has_size || table[rule].thread_bit != kNoBit;
}

uint32_t first_match(const uint16_t* candidates, uint16_t size, const Call& call, bool* is_steady) {
  for (uint16_t i = 0; i < size; ++i) {
    const Rule& rule = table[candidates[i]];
    if (rule.thread_bit != kNoBit && (call.thread_rules >> rule.thread_bit & 1) == 0) {
      continue;
    }
    const bool holds = all_of_kind(rule, MatcherKind::kSize, [&](const Matcher& matcher) {
      const bool all =
          call.least_bytes >= matcher.min_bytes && call.most_bytes <= matcher.max_bytes;
      const bool none = call.most_bytes < matcher.min_bytes || call.least_bytes > matcher.max_bytes;
      *is_steady = *is_steady && (all || none);
      return call.size_bytes >= matcher.min_bytes && call.size_bytes <= matcher.max_bytes;
    });
    if (holds) {
      return candidates[i];
    }
  }
  return kMaxRules;
}

TagId tag_of_rule(uint32_t rule) {
  return table[rule].tag;
}

TagId tag_of_rule_locked(uint32_t rule, const char* path) {
  if (!table[rule].by_module) {
    return table[rule].tag;
  }
  const std::string_view name = base_name(path);
  return name.empty() ? TagId::kNone : intern_tag_locked(name, wire::TagOrigin::kRule);
}

uint64_t thread_rules_of(std::string_view thread_name) {
  uint64_t bits = 0;
  for (uint32_t i = 0; i < count; ++i) {
    const Rule& rule = table[i];
    if (rule.thread_bit != kNoBit &&
        all_of_kind(rule, MatcherKind::kThread, [thread_name](const Matcher& matcher) {
          return glob_matches(matcher.glob, thread_name);
        })) {
      bits |= uint64_t{1} << rule.thread_bit;
    }
  }
  return bits;
}

bool has_thread_rules() {
  return thread_rules != 0;
}

}  // namespace heaptag::tag
