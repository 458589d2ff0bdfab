// What holds for every text that is read as tag rules or as a list of wrappers.
#pragma once

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/utf8.h"
#include "core/config/tag_rules.h"
#include "core/config/wrapper_list.h"
#include "tests/fuzz/exact_text.h"
#include "tests/fuzz/mutator.h"
#include "tests/fuzz/rule_writing.h"

namespace heaptag::fuzz {

inline Grammar rule_grammar() {
  Grammar grammar{
      {"net=lib:libssl*,func:ssl_*;big=size:1M-\n# all\n*=by:module\n",
       "\"a;b\"=func:'operator new(unsigned long, x)' # why\nt=thread:io?,size:64",
       "a=fnc:x;b=lib:'x;c=*\nd=src:*.c;e=size:9-3;*=lib:a,by:module",
       "foo@lib,'bar,baz'@\"x@1\",m+0x1f\n#\nqux@", "a=*,*,*,*,*,*,*,lib:x"},
      split_words(
          "= ; , # \" ' : @ * - ? lib: func: thread: src: size: stack: by: module 4K 2M 1G "
          "a= b=*; [a-z] *= =* fnc: size:-64 9-3 size:- 99999999999999999999 ,* \xEF\xBB\xBF "
          "\xC3\xA9 \xFF \x1B[")};
  for (const char* blank : {" ", "\n", "\r\n", " #"}) {
    grammar.words.emplace_back(blank);
  }
  grammar.words.emplace_back(1, '\0');
  return grammar;
}

/// Copies of what a reader handed out, in text order.
struct Reading {
  struct Rule {
    std::string name;
    std::string text;
    std::string canonical;  // written again

    bool operator==(const Rule& other) const {
      return name == other.name && canonical == other.canonical;
    }
  };

  std::vector<Rule> rules;
  std::vector<config::Mistake> mistakes;
  std::string broken;  // the first property that did not hold
};

/// Is the mistake a place in the text, and one whole printable sentence?
inline bool is_sound(const config::Mistake& mistake, std::string_view text) {
  for (uint32_t line = 1; line < mistake.line && !text.empty(); ++line) {
    text.remove_prefix(std::min(text.size() - 1, text.find('\n')) + 1);
  }
  const size_t length = std::min(text.size(), text.find('\n'));
  std::string_view what(mistake.what, strnlen(mistake.what, sizeof mistake.what));
  bool sound = mistake.line >= 1 && mistake.column >= 1 && mistake.column <= length &&
               !what.empty() && what.size() + 1 < sizeof mistake.what;
  while (sound && !what.empty()) {
    const Utf8Char next = decode_utf8(what);
    sound = next.valid && next.code_point >= 0x20 && next.code_point != 0x7F;
    what.remove_prefix(next.length_bytes);
  }
  return sound;
}

/// Reads `text`, and checks every rule, wrapper and mistake alone.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  Reading read_rules(config::RuleUse use) {
    const config::RuleVisitor visitor{&Reader::add_rule, &Reader::add_mistake, this};
    config::read_tag_rules(text_.view(), use, visitor);
    return finish("\n;");
  }

  Reading read_wrappers() {
    const config::WrapperVisitor visitor{&Reader::add_wrapper, &Reader::add_mistake, this};
    config::read_wrapper_list(text_.view(), visitor);
    return finish("\n,");
  }

 private:
  void expect(bool holds, const char* property) {
    if (!holds && reading_.broken.empty()) {
      reading_.broken = property;
    }
  }

  Reading finish(std::string_view separators) {
    const std::string_view text = text_.view();
    const auto count = std::count_if(text.begin(), text.end(), [&](char c) {
      return separators.find(c) != std::string_view::npos;
    });
    expect(reading_.rules.size() + reading_.mistakes.size() <= static_cast<size_t>(count) + 1,
           "no more rules and mistakes than pieces");
    return std::move(reading_);
  }

  static void add_rule(void* context, const config::TagRule& rule) {
    auto* self = static_cast<Reader*>(context);
    self->expect(self->text_.has(rule.name) && self->text_.has(rule.text),
                 "name and text lie in the text");
    self->expect(
        !rule.name.empty() && rule.matcher_count >= 1 && rule.matcher_count <= config::kMaxMatchers,
        "a rule has a name and matchers");
    bool has_size = false;
    bool by_module = false;
    for (unsigned i = 0; i < rule.matcher_count; ++i) {
      const config::Matcher& matcher = rule.matchers[i];
      self->expect(matcher.glob.empty() || self->text_.has(matcher.glob), "globs lie in the text");
      self->expect(matcher.min_bytes <= matcher.max_bytes, "the smaller size comes first");
      has_size |= matcher.kind == config::MatcherKind::kSize;
      by_module |= matcher.kind == config::MatcherKind::kByModule;
    }
    self->expect(by_module == (rule.name == "*"), "by:module and the name * go together");
    self->expect(has_size || bare(canonical(rule)) == bare(std::string(rule.text)),
                 "a rule is all of its text");
    self->expect(self->last_ <= rule.text.data(), "rules come in order");
    self->last_ = rule.text.data() + rule.text.size();
    self->reading_.rules.push_back(
        {std::string(rule.name), std::string(rule.text), canonical(rule)});
  }

  static void add_wrapper(void* context, std::string_view function, std::string_view library) {
    auto* self = static_cast<Reader*>(context);
    self->expect(self->text_.has(function) && !function.empty(), "the function lies in the text");
    self->expect(self->text_.has(library) || library == "*", "the library lies in the text");
    self->expect(!library.empty(), "the library is something");
    self->expect(self->last_ <= function.data(), "wrappers come in order");
    self->last_ = function.data() + function.size();
    self->reading_.rules.push_back({std::string(function), std::string(library),
                                    with_quotes(function) + "@" + with_quotes(library)});
  }

  static void add_mistake(void* context, const config::Mistake& mistake) {
    auto* self = static_cast<Reader*>(context);
    self->expect(is_sound(mistake, self->text_.view()), "a mistake is sound");
    self->reading_.mistakes.push_back(mistake);
  }

  ExactText text_;
  Reading reading_;
  const char* last_ = nullptr;  // end of the last rule
};

/// Returns: the property that does not hold, or "". `read` gives the Reading of a text, whose
/// pieces are separated by newlines, and `good` is a piece that is understood.
template <typename Read>
std::string broken_property(std::string_view text, const char* good, Read read) {
  const Reading reading = read(text);
  if (!reading.broken.empty()) {
    return reading.broken;
  }
  std::string again;
  for (const Reading::Rule& rule : reading.rules) {
    again += rule.canonical + "\n";
  }
  if (const Reading twin = read(again); twin.rules != reading.rules || !twin.mistakes.empty()) {
    return "what is written again is read alike";
  }
  if (const Reading more = read(std::string(text) + "\n" + good);
      more.rules.size() != reading.rules.size() + 1 ||
      more.mistakes.size() != reading.mistakes.size()) {
    return "whatever comes before, the next line is read";
  }
  return "";
}

inline std::string broken_property_of_rules(std::string_view text) {
  for (const config::RuleUse use : {config::RuleUse::kInTarget, config::RuleUse::kAfterwards}) {
    const auto read = [&](std::string_view some) { return Reader(some).read_rules(use); };
    if (std::string broken = broken_property(text, "good=lib:x", read); !broken.empty()) {
      return broken;
    }
    for (const Reading::Rule& rule : read(text).rules) {
      if (read("\n" + rule.text).rules != std::vector<Reading::Rule>{rule}) {
        return "the text of a rule is that rule";
      }
    }
  }
  return "";
}

inline std::string broken_property_of_wrappers(std::string_view text) {
  return broken_property(text, "good@x",
                         [](std::string_view some) { return Reader(some).read_wrappers(); });
}

}  // namespace heaptag::fuzz
