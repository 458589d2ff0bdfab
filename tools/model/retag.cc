#include "tools/model/retag.h"

#include <algorithm>
#include <set>
#include <string>

#include "core/base/glob.h"
#include "core/base/text.h"
#include "core/render/names.h"
#include "tools/model/grouping.h"
#include "tools/model/naming.h"

namespace heaptag::tools {
namespace {

using config::Matcher;
using config::MatcherKind;
using config::TagRule;

bool matches_file(std::string_view glob, std::string_view path) {
  for (;;) {
    if (!path.empty() && glob_matches(glob, path)) {
      return true;
    }
    const size_t slash = path.find('/');
    if (slash == std::string_view::npos) {
      return false;
    }
    path.remove_prefix(slash + 1);
  }
}

bool matches_function(std::string_view glob, const Frame& frame) {
  return (!frame.function.empty() && glob_matches(glob, frame.function)) ||
         (!frame.symbol.empty() && glob_matches(glob, frame.symbol));
}

/// Does `holds` hold for the function that the linker knows, or for one that is inlined there?
template <typename Holds>
bool any_frame_of_the_call(const Site& site, Holds holds) {
  for (const Frame& frame : site.frames) {
    if (holds(frame)) {
      return true;
    }
    if (!frame.inlined) {
      return false;  // behind it are its callers
    }
  }
  return false;
}

std::string module_of(const Site& site) {
  const Frame* frame = linked_frame_or_null(site);
  return frame == nullptr ? "" : frame->module;
}

bool matches_all(const TagRule& rule, const Site& site) {
  return std::all_of(rule.matchers, rule.matchers + rule.matcher_count,
                     [&](const Matcher& matcher) { return matches(matcher, site); });
}

/// The tag that a rule gives: its own name, or the module's.
std::string name_by(const TagRule& rule, const Site& site) {
  const bool is_by_module =
      std::any_of(rule.matchers, rule.matchers + rule.matcher_count,
                  [](const Matcher& matcher) { return matcher.kind == MatcherKind::kByModule; });
  return is_by_module ? base_name(module_of(site).c_str()) : std::string(rule.name);
}

/// All tags of the new report. Named ones are one by their names, whoever gave them.
class Retagger {
 public:
  explicit Retagger(const std::vector<TagRule>& rules) : rules_(rules), matched_(rules.size()) {}

  void take(const Tag& tag) {
    std::vector<Tag> parts = split_by_site(tag);
    for (Tag& part : parts) {
      name(part);
    }
    const bool is_whole = std::all_of(parts.begin(), parts.end(), [&](const Tag& part) {
      return part.name == parts[0].name && part.origin == parts[0].origin;
    });
    if (!is_whole) {
      for (const Tag& part : parts) {
        add(part);
      }
      return;
    }
    Tag whole = tag;
    whole.name = parts[0].name;
    whole.origin = parts[0].origin;
    const bool is_changed = whole.name != tag.name || whole.origin != tag.origin;
    Tag& row = add(whole);
    row.limit_bytes = is_changed ? row.limit_bytes : std::max(row.limit_bytes, tag.limit_bytes);
  }

  std::vector<Tag> take_tags() { return rows_.take(); }

  [[nodiscard]] size_t matched_sites(size_t rule) const { return matched_[rule].size(); }

 private:
  void name(Tag& part) {
    const size_t rule = part.sites.empty() ? rules_.size() : rule_of(part.sites[0]);
    if (rule != rules_.size()) {
      matched_[rule].insert(call_site_key(part.sites[0]));
      part.name = name_by(rules_[rule], part.sites[0]);
      part.origin = "rule";
    }
  }

  /// The place of the first rule that matches, or the number of rules.
  [[nodiscard]] size_t rule_of(const Site& site) const {
    const auto found = std::find_if(rules_.begin(), rules_.end(),
                                    [&](const TagRule& rule) { return matches_all(rule, site); });
    return static_cast<size_t>(found - rules_.begin());
  }

  Tag& add(const Tag& part) {
    const bool is_named = part.origin != "site";
    const std::string key = is_named ? part.name : "\n" + std::to_string(unnamed_++);
    Tag& row = rows_.add(key, part);
    row.origin = part.origin == "rule" ? part.origin : row.origin;
    return row;
  }

  const std::vector<TagRule>& rules_;
  std::vector<std::set<std::string>> matched_;
  RowSums rows_;
  size_t unnamed_ = 0;
};

}  // namespace

bool matches(const Matcher& matcher, const Site& site) {
  switch (matcher.kind) {
    case MatcherKind::kAny:
      return true;
    case MatcherKind::kLib: {
      const std::string path = module_of(site);
      return !path.empty() && (glob_matches(matcher.glob, path) ||
                               glob_matches(matcher.glob, base_name(path.c_str())));
    }
    case MatcherKind::kFunction:
      return any_frame_of_the_call(
          site, [&](const Frame& frame) { return matches_function(matcher.glob, frame); });
    case MatcherKind::kSource:
      return any_frame_of_the_call(
          site, [&](const Frame& frame) { return matches_file(matcher.glob, frame.file); });
    case MatcherKind::kByModule:
      return !module_of(site).empty();
    default:
      return false;  // threads and sizes are not in a report
  }
}

void retag(Report& report, const std::vector<TagRule>& rules) {
  Retagger retagger(rules);
  for (const Tag& tag : report.tags) {
    retagger.take(tag);
  }
  report.tags = retagger.take_tags();
  report.rules.clear();
  for (size_t i = 0; i < rules.size(); ++i) {
    report.rules.push_back(
        {std::string(rules[i].name), std::string(rules[i].text), retagger.matched_sites(i)});
  }
}

}  // namespace heaptag::tools
