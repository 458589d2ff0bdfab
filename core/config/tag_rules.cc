#include "core/config/tag_rules.h"

#include "core/base/edit_distance.h"
#include "core/base/text.h"
#include "core/config/rule_text.h"
#include "core/config/size_text.h"

namespace heaptag::config {

namespace {

constexpr size_t kNone = std::string_view::npos;
constexpr std::string_view kReserved = ",;=#";  // in texts without quotes

struct MatcherName {
  std::string_view name;
  std::string_view shown;
  MatcherKind kind;
  bool in_target;
  bool afterwards;
};

constexpr MatcherName kMatcherNames[] = {
    {"lib", "lib:", MatcherKind::kLib, true, true},
    {"func", "func:", MatcherKind::kFunction, true, true},
    {"thread", "thread:", MatcherKind::kThread, true, false},
    {"size", "size:", MatcherKind::kSize, true, false},
    {"src", "src:", MatcherKind::kSource, false, true},
    {"by", "by:module", MatcherKind::kByModule, true, true},
};

const MatcherName* find_or_null(std::string_view name) {
  for (const MatcherName& known : kMatcherNames) {
    if (known.name == name) {
      return &known;
    }
  }
  return nullptr;
}

/// Every function that returns bool returns false when it has told a mistake.
class RuleReader {
 public:
  RuleReader(std::string_view text, RuleUse use, const RuleVisitor& visitor)
      : lines_(text), use_(use), visitor_(visitor) {}

  void read() {
    while (lines_.next()) {
      std::string_view rest = lines_.line();
      while (!rest.empty()) {
        rule_ = {};
        rule_.text = trim(take_until(&rest, ';'));
        if (!rule_.text.empty() && read_rule()) {
          visitor_.rule(visitor_.context, rule_);
        }
      }
    }
  }

 private:
  bool read_rule();
  bool read_name(size_t equals);
  bool read_matchers(size_t equals);
  bool read_matcher(std::string_view piece, Matcher* matcher) const;
  bool read_glob(std::string_view name, std::string_view value, Matcher* matcher) const;
  bool read_sizes(std::string_view name, std::string_view value, Matcher* matcher) const;
  bool read_bound(std::string_view text, uint64_t* bytes) const;
  bool refuse_here(std::string_view piece, MatcherKind kind) const;
  bool refuse_unknown(std::string_view piece, size_t colon) const;
  const MatcherName* nearest_or_null(std::string_view name) const;

  bool usable(const MatcherName& name) const {
    return use_ == RuleUse::kInTarget ? name.in_target : name.afterwards;
  }

  bool tell(const Mistake& mistake) const {
    visitor_.mistake(visitor_.context, mistake);
    return false;
  }

  bool refuse(std::string_view where, std::string_view words) const {
    Mistake mistake = lines_.mistake_at(where);
    MistakeText(&mistake).put(words);
    return tell(mistake);
  }

  bool refuse_token(std::string_view token, std::string_view words) const {
    Mistake mistake = lines_.mistake_at(token);
    MistakeText(&mistake).put_quoted(token).put(words);
    return tell(mistake);
  }

  bool refuse(const PlainText& text) const {
    return text.token.empty() ? refuse(text.where, text.problem)
                              : refuse_token(text.token, text.problem);
  }

  Lines lines_;
  RuleUse use_;
  const RuleVisitor& visitor_;
  TagRule rule_;
};

bool RuleReader::read_rule() {
  const size_t equals = find_unquoted(rule_.text, '=');
  if (equals == kNone) {
    const PlainText text = read_text(rule_.text, {});
    return text.problem != nullptr
               ? refuse(text)
               : refuse(rule_.text, "a rule is name=matcher[,matcher...]; there is no '='");
  }
  return read_name(equals) && read_matchers(equals);
}

bool RuleReader::read_name(size_t equals) {
  const std::string_view piece = trim(take_first(rule_.text, equals));
  const PlainText name = read_text(piece, kReserved);
  if (name.problem != nullptr) {
    return refuse(name);
  }
  if (name.value.empty()) {
    return refuse(rule_.text, "no name before '='");
  }
  rule_.name = name.value;
  return true;
}

bool RuleReader::read_matchers(size_t equals) {
  std::string_view rest = drop_first(rule_.text, equals + 1);
  std::string_view separator = take_first(drop_first(rule_.text, equals), 1);
  std::string_view by_module;
  bool more = true;
  while (more) {
    const size_t comma = find_unquoted(rest, ',');
    const std::string_view piece = trim(take_first(rest, comma));
    more = comma != kNone;
    if (piece.empty()) {
      return more ? refuse(drop_first(rest, comma), "no matcher before ','")
                  : refuse(separator, rule_.matcher_count == 0 ? "no matcher behind '='"
                                                               : "no matcher behind ','");
    }
    static_assert(kMaxMatchers == 8);
    if (rule_.matcher_count == kMaxMatchers) {
      return refuse_token(piece, " is one too many: a rule has 8 matchers at most");
    }
    Matcher* matcher = &rule_.matchers[rule_.matcher_count++];
    if (!read_matcher(piece, matcher)) {
      return false;
    }
    if (matcher->kind == MatcherKind::kByModule) {
      by_module = piece;
    }
    separator = take_first(drop_first(rest, comma), 1);
    rest = drop_first(rest, more ? comma + 1 : kNone);
  }
  const bool is_star = rule_.name == "*";
  if (is_star && by_module.empty()) {
    return refuse(rule_.text, "the name * needs by:module");
  }
  return is_star || by_module.empty() || refuse(by_module, "by:module needs the name *");
}

bool RuleReader::read_matcher(std::string_view piece, Matcher* matcher) const {
  if (piece == "*") {
    return true;
  }
  const size_t colon = find_unquoted(piece, ':');
  if (colon == kNone || find_unquoted(piece, '=') < colon) {
    return refuse_unknown(piece, colon);
  }
  const std::string_view name = trim(take_first(piece, colon));
  const std::string_view with_colon = take_first(piece, colon + 1);
  const std::string_view value = trim(drop_first(piece, colon + 1));
  if (name == "stack") {
    return refuse(piece, "stack: needs whole stacks, which are not kept yet");
  }
  const MatcherName* known = find_or_null(name);
  if (known == nullptr) {
    return refuse_unknown(piece, colon);
  }
  if (!usable(*known)) {
    return refuse_here(piece, known->kind);
  }
  matcher->kind = known->kind;
  if (known->kind == MatcherKind::kByModule) {
    return value == "module" || refuse(piece, "by:module is the only by:");
  }
  return known->kind == MatcherKind::kSize ? read_sizes(with_colon, value, matcher)
                                           : read_glob(with_colon, value, matcher);
}

bool RuleReader::read_glob(std::string_view name, std::string_view value, Matcher* matcher) const {
  const PlainText glob = read_text(value, kReserved);
  if (glob.problem != nullptr) {
    return refuse(glob);
  }
  matcher->glob = glob.value;
  return !glob.value.empty() || refuse_token(name, " needs a glob");
}

bool RuleReader::read_sizes(std::string_view name, std::string_view value, Matcher* matcher) const {
  if (value.empty()) {
    return refuse_token(name, " needs a size; use 64, 4K-2M, 1G- or -4096");
  }
  const size_t dash = value.find('-');
  if (dash == kNone) {
    return read_bound(value, &matcher->min_bytes) && read_bound(value, &matcher->max_bytes);
  }
  const std::string_view from = trim(take_first(value, dash));
  const std::string_view to = trim(drop_first(value, dash + 1));
  if (from.empty() && to.empty()) {
    return read_bound(value, &matcher->min_bytes);
  }
  if ((!from.empty() && !read_bound(from, &matcher->min_bytes)) ||
      (!to.empty() && !read_bound(to, &matcher->max_bytes))) {
    return false;
  }
  if (matcher->min_bytes <= matcher->max_bytes) {
    return true;
  }
  Mistake mistake = lines_.mistake_at(value);
  MistakeText(&mistake).put_token(value).put(": the smaller size comes first");
  return tell(mistake);
}

bool RuleReader::read_bound(std::string_view text, uint64_t* bytes) const {
  switch (read_size(text, bytes)) {
    case SizeProblem::kNoSize:
      return refuse_token(text, " is no size; use 4096, 4K, 2M, 1G");
    case SizeProblem::kTooLarge:
      return refuse_token(text, " is larger than any block; use 4096, 4K, 2M, 1G");
    case SizeProblem::kFine:
      break;
  }
  return true;
}

bool RuleReader::refuse_here(std::string_view piece, MatcherKind kind) const {
  switch (kind) {
    case MatcherKind::kSource:
      return refuse(piece, "src: works in heaptag report --tags, not in the running program");
    case MatcherKind::kThread:
      return refuse(piece,
                    "thread: is not known afterwards: set HEAPTAG_TAGS while the program runs");
    default:
      return refuse(piece,
                    "size: is not known afterwards: set HEAPTAG_TAGS while the program runs");
  }
}

bool RuleReader::refuse_unknown(std::string_view piece, size_t colon) const {
  const std::string_view token = colon == kNone ? piece : take_first(piece, colon + 1);
  if (is_quote(piece[0])) {
    const PlainText text = read_text(piece, {});
    return text.problem != nullptr
               ? refuse(text)
               : refuse_token(piece, " is no matcher; quotes come behind ':', as in func:\"a\"");
  }
  if (find_unquoted(piece, '=') < colon) {
    return refuse_token(piece, " is no matcher; a ';' comes before the next rule");
  }
  Mistake mistake = lines_.mistake_at(piece);
  MistakeText text(&mistake);
  text.put_quoted(token).put(" is no matcher; ");
  if (const MatcherName* near = nearest_or_null(trim(take_first(piece, colon)))) {
    text.put("did you mean ").put(near->shown).put("?");
  } else if (colon == kNone && rule_.matcher_count > 1) {
    text.put("a glob with ',' needs quotes");
  } else {
    text.put("use ");
    for (const MatcherName& name : kMatcherNames) {
      text.put(usable(name) ? name.shown : "").put(usable(name) ? ", " : "");
    }
    text.put("*");
  }
  return tell(mistake);
}

const MatcherName* RuleReader::nearest_or_null(std::string_view name) const {
  const MatcherName* best = nullptr;
  size_t least = (name.size() < 6 ? 1 : name.size() / 3) + 1;
  for (const MatcherName& candidate : kMatcherNames) {
    const size_t edits = edit_distance(name, candidate.name);
    if (usable(candidate) && edits < least && edits < candidate.name.size()) {
      best = &candidate;
      least = edits;
    }
  }
  return best;
}

}  // namespace

void read_tag_rules(std::string_view text, RuleUse use, const RuleVisitor& visitor) {
  RuleReader(text, use, visitor).read();
}

}  // namespace heaptag::config
