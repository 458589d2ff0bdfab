#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "core/base/glob.h"
#include "core/elf/elf_symbols.h"
#include "core/elf/function_glob.h"
#include "tools/doctor/program_checks.h"
#include "tools/model/tag_rules.h"

namespace heaptag::tools {
namespace {

using config::Matcher;
using config::MatcherKind;
using config::TagRule;

constexpr size_t kMostShown = 8;

bool has_kind(const TagRule& rule, MatcherKind kind) {
  return std::any_of(rule.matchers, rule.matchers + rule.matcher_count,
                     [&](const Matcher& one) { return one.kind == kind; });
}

bool matches_module(const TagRule& rule, const std::string& path) {
  return std::all_of(rule.matchers, rule.matchers + rule.matcher_count, [&](const Matcher& one) {
    return one.kind != MatcherKind::kLib || glob_matches(one.glob, path) ||
           glob_matches(one.glob, file_name(path));
  });
}

/// Functions of one module that the func: matchers of a rule select, found as the library finds
/// them when it is loaded.
class FunctionCounter {
 public:
  explicit FunctionCounter(const TagRule& rule) {
    for (unsigned i = 0; i < rule.matcher_count; ++i) {
      if (rule.matchers[i].kind == MatcherKind::kFunction) {
        globs_.emplace_back(rule.matchers[i].glob);
      }
    }
  }

  size_t count_in(const std::string& path) {
    elf::Symbols symbols;
    if (elf::open_symbols(path.c_str(), nullptr, &symbols) != elf::SymbolsStatus::kOpen) {
      return 0;
    }
    starts_.clear();
    elf::visit_functions(symbols, {[](void* self, const char* name, uint64_t start, uint64_t) {
                                     static_cast<FunctionCounter*>(self)->take(name, start);
                                   },
                                   this});
    elf::close_symbols(&symbols);
    return starts_.size();
  }

 private:
  void take(const char* name, uint64_t start) {
    if (std::all_of(globs_.begin(), globs_.end(),
                    [&](const elf::FunctionGlob& glob) { return glob.matches(name); })) {
      starts_.insert(start);  // a function with two names is one
    }
  }

  std::vector<elf::FunctionGlob> globs_;
  std::set<uint64_t> starts_;
};

std::string counted(size_t count, const char* one, const char* many) {
  return fmt::format("{} {}", count, count == 1 ? one : many);
}

struct Answer {
  std::string text;
  bool is_empty = false;  // matches nothing, and nothing that may come later
};

Answer look_up(const TagRule& rule, const ProgramFacts& program) {
  std::vector<std::string> modules;
  if (matches_module(rule, program.running)) {
    modules.push_back(program.running);
  }
  for (const LibraryFacts& library : program.libraries) {
    if (matches_module(rule, library.path)) {
      modules.push_back(library.path);
    }
  }
  const bool asks_library = has_kind(rule, MatcherKind::kLib);
  if (modules.empty()) {
    return {"no library yet", false};  // it may come by dlopen
  }
  const bool asks_call = has_kind(rule, MatcherKind::kThread) || has_kind(rule, MatcherKind::kSize);
  const char* more = asks_call ? ", for some calls" : "";
  if (has_kind(rule, MatcherKind::kFunction)) {
    FunctionCounter counter(rule);
    size_t functions = 0;
    for (const std::string& module : modules) {
      functions += counter.count_in(program.root + module);
    }
    return {functions == 0 ? "no function with that name"
                           : "matches " + counted(functions, "function", "functions") + more,
            functions == 0};
  }
  if (asks_library) {
    return {modules.size() == 1 ? "matches " + file_name(modules[0]) + more
                                : fmt::format("matches {} files{}", modules.size(), more),
            false};
  }
  return {asks_call ? "asks for threads or sizes, not for the program"
          : has_kind(rule, MatcherKind::kByModule) ? counted(modules.size(), "module", "modules")
                                                   : "matches everything",
          false};
}

}  // namespace

Finding check_rules(const ProgramFacts& program,
                    const std::string& topic,
                    const std::string& rules) {
  const TagRules read(rules, config::RuleUse::kInTarget);
  if (!read.problems().empty()) {
    const std::string text = fmt::format("{}", fmt::join(read.problems(), "; "));
    // In the environment the library leaves the rule out and goes on.
    return topic == "--tags"
               ? failure(Harm::kHindered, topic, "a tag rule cannot be understood", text)
               : warning(topic, text + "; the library leaves that out");
  }
  std::string text = counted(read.rules().size(), "rule", "rules") + ": ";
  bool has_empty = false;
  size_t shown = 0;
  for (const TagRule& rule : read.rules()) {
    const Answer answer = look_up(rule, program);
    has_empty = has_empty || answer.is_empty;
    if (shown < kMostShown || answer.is_empty) {
      text += fmt::format("{}{} {}", shown == 0 ? "" : "; ", rule.text, answer.text);
      ++shown;
    }
  }
  if (shown < read.rules().size()) {
    text += fmt::format("; {} more", read.rules().size() - shown);
  }
  if (has_empty && !program.elf.has_symbols) {
    text += fmt::format("; {} is stripped: of its functions only exported ones have names",
                        file_name(program.running));
  }
  return has_empty ? warning(topic, text) : ok(topic, text);
}

}  // namespace heaptag::tools
