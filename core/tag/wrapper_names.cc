#include "core/tag/wrapper_names.h"

#include <cstring>
#include <span>

#include "core/base/glob.h"
#include "core/base/text.h"
#include "core/elf/function_glob.h"
#include "core/tag/wrapper_table.h"

namespace heaptag::tag {
namespace {

constexpr WrapperPatterns<kCHeads> kCHeadPatterns;
constexpr WrapperPatterns<kCTails> kCTailPatterns;
constexpr WrapperPatterns<kCxxHeads> kCxxHeadPatterns;
constexpr WrapperPatterns<kCxxTails> kCxxTailPatterns;
constexpr WrapperPatterns<kStdHeads> kStdHeadPatterns;
constexpr WrapperPatterns<kShortHeads> kShortHeadPatterns;

/// Who asks: names of class members are looked up among habits only.
struct Question {
  std::string_view module;
  bool habits_only = false;
};

std::string_view text_at(size_t begin, size_t size) {
  return {kWrapperText.data() + begin, size};
}

bool goes_for(const WrapperPattern& pattern, const Question& question) {
  return (pattern.is_habit || !question.habits_only) &&
         (pattern.modules_size == 0 ||
          any_glob_matches(text_at(pattern.modules_begin, pattern.modules_size), question.module));
}

/// key_of, at run time.
uint64_t load_key(std::string_view name) {
  uint64_t key = 0;
  if (name.size() >= sizeof key) {
    std::memcpy(&key, name.data(), sizeof key);
  } else {
    key = key_of(name);
  }
  return key;
}

/// The same of the last four characters. Pre: there are as many.
uint64_t load_tail_key(std::string_view name) {
  uint32_t key;
  static_assert(sizeof key == kMinLiteral);
  std::memcpy(&key, name.data() + name.size() - sizeof key, sizeof key);
  return key;
}

/// glob_matches of a glob that has only stars. All that stand in mangled names are long: what is
/// between two of them is searched for, not tried at each character.
bool stars_match(std::string_view glob, std::string_view text) {
  bool is_anchored = true;
  for (;;) {
    const size_t star = glob.find('*');
    const std::string_view part = take_first(glob, star);
    if (star == std::string_view::npos) {
      return is_anchored ? text == part : text.ends_with(part);
    }
    if (is_anchored) {
      if (!text.starts_with(part)) {
        return false;
      }
      text.remove_prefix(part.size());
    } else if (!part.empty()) {
      const void* found = memmem(text.data(), text.size(), part.data(), part.size());
      if (found == nullptr) {
        return false;
      }
      const auto at = static_cast<size_t>(static_cast<const char*>(found) - text.data());
      text.remove_prefix(at + part.size());
    }
    is_anchored = false;
    glob.remove_prefix(star + 1);
  }
}

/// Does the rest of a name match what stands behind the literal?
bool rest_matches(const WrapperPattern& pattern, std::string_view name) {
  const std::string_view glob = text_at(size_t{pattern.begin} + pattern.literal_size,
                                        size_t{pattern.size} - pattern.literal_size);
  name.remove_prefix(pattern.literal_size);
  return pattern.has_classes ? glob_matches(glob, name) : stars_match(glob, name);
}

template <class Table>
bool may_have_head(const Table& table, std::string_view name, uint64_t key) {
  const uint64_t four = first_four(key);
  if (!table.four.may_have(four)) {
    return false;
  }
  return table.short_four.may_have(four) || table.eight.may_have(key) ||
         (name.size() >= 16 &&
          table.sixteen.may_have(key_of_sixteen(key, load_key(drop_first(name, 8)))));
}

/// The last head that is not behind `name`, or kNoPattern.
template <class Table>
uint16_t last_head_up_to(const Table& table, std::string_view name, uint64_t key) {
  const uint64_t number = reversed(key);
  size_t begin = 0;
  size_t end = table.patterns.size();
  while (begin < end) {
    const size_t middle = begin + (end - begin) / 2;
    const WrapperPattern& pattern = table.patterns[middle];
    const bool is_behind = table.keys[middle] == number
                               ? text_at(pattern.begin, pattern.literal_size) > name
                               : table.keys[middle] > number;
    begin = is_behind ? begin : middle + 1;
    end = is_behind ? middle : end;
  }
  return static_cast<uint16_t>(begin - 1);  // kNoPattern when the first is behind
}

/// Is `name` what one of the heads means?
template <class Table>
bool find_head(const Table& table, std::string_view name, const Question& question) {
  const uint64_t key = load_key(name);
  if (!may_have_head(table, name, key)) {
    return false;
  }
  // What begins `name` also begins all that stands between it and `name`: it is in the chain.
  bool found = false;
  for (uint16_t at = last_head_up_to(table, name, key); at != kNoPattern;
       at = table.patterns[at].shorter) {
    const WrapperPattern& pattern = table.patterns[at];
    if (name.starts_with(text_at(pattern.begin, pattern.literal_size)) &&
        rest_matches(pattern, name) && goes_for(pattern, question)) {
      if (pattern.is_exception) {
        return false;
      }
      found = true;
    }
  }
  return found;
}

template <class Table>
bool find_tail(const Table& table, std::string_view name, const Question& question) {
  if (name.size() < kMinLiteral || !table.four.may_have(load_tail_key(name))) {
    return false;
  }
  for (const WrapperPattern& pattern : table.patterns) {
    const std::string_view glob = text_at(pattern.begin, pattern.size);
    if (name.ends_with(drop_first(glob, size_t{pattern.size} - pattern.literal_size)) &&
        (pattern.size == pattern.literal_size + 1 || glob_matches(glob, name)) &&
        goes_for(pattern, question)) {
      return true;
    }
  }
  return false;
}

/// Operators and abbreviations: few, and few names are such.
bool find_short_head(std::string_view name, const Question& question) {
  for (const WrapperPattern& pattern : kShortHeadPatterns.patterns) {
    if (name.starts_with(text_at(pattern.begin, pattern.literal_size)) &&
        rest_matches(pattern, name) && goes_for(pattern, question)) {
      return true;
    }
  }
  return false;
}

bool is_c_wrapper(std::string_view name, const Question& question) {
  return find_head(kCHeadPatterns, name, question) || find_tail(kCTailPatterns, name, question);
}

/// Reads "3foo" off a mangled name; empty when there is none.
std::string_view take_identifier(std::string_view* name) {
  size_t length = 0;
  size_t at = 0;
  for (; at < name->size() && at < 4 && (*name)[at] >= '0' && (*name)[at] <= '9'; ++at) {
    length = length * 10 + static_cast<size_t>((*name)[at] - '0');
  }
  if (length == 0 || length > name->size() - at) {
    return {};
  }
  const std::string_view identifier(name->data() + at, length);
  name->remove_prefix(at + length);
  return identifier;
}

/// A function in namespaces or plain classes, named as people name wrappers: a::b::xmalloc. Or
/// their operator new.
bool has_wrapper_habit(std::string_view name, bool is_nested, std::string_view module) {
  std::string_view last;
  for (std::string_view next = take_identifier(&name); !next.empty();
       next = take_identifier(&name)) {
    last = next;
  }
  if (last.empty()) {
    return false;
  }
  if (!is_nested) {
    return is_c_wrapper(last, {module, false});
  }
  return name.starts_with('E') ? is_c_wrapper(last, {module, true})
                               : name.starts_with("nwEm") || name.starts_with("naEm");
}

/// Skips the namespaces that implementations of the standard library put in between.
std::string_view without_inline_namespaces(std::string_view name) {
  bool found = true;
  while (found && name.size() > 3 && name[1] == '_' && name[2] == '_') {
    found = false;
    for (const std::string_view space :
         {"7__cxx11", "9__cxx1998", "7__debug", "3__1", "6__ndk1", "3__8"}) {
      if (name.starts_with(space)) {
        name.remove_prefix(space.size());
        found = true;
      }
    }
  }
  return name;
}

/// `const` and other qualifiers of a member, or the mark of a static function.
std::string_view without_qualifiers(std::string_view name) {
  while (!name.empty() && (name[0] == 'K' || name[0] == 'L' || name[0] == 'V' || name[0] == 'r' ||
                           name[0] == 'R' || name[0] == 'O')) {
    name.remove_prefix(1);
  }
  return name;
}

bool is_cxx_wrapper(std::string_view symbol, std::string_view module) {
  const Question question = {module};
  // "_ZZN": inside a function, most often a lambda of it.
  const std::string_view encoding = drop_first(symbol, symbol.starts_with("_ZZ") ? 3 : 2);
  const bool is_nested = encoding.starts_with('N');
  const std::string_view name = without_qualifiers(drop_first(encoding, is_nested ? 1 : 0));
  if (name.starts_with("St")) {
    const std::string_view inner = without_inline_namespaces(drop_first(name, 2));
    return find_head(kStdHeadPatterns, inner, question);
  }
  const bool is_identifier = !name.empty() && name[0] >= '0' && name[0] <= '9';
  if (!is_identifier && find_short_head(name, question)) {
    return true;
  }
  return find_head(kCxxHeadPatterns, name, question) ||
         has_wrapper_habit(name, is_nested, module) ||
         find_tail(kCxxTailPatterns, symbol, question);
}

/// Rust's newer mangling: what stands behind the first crate is spelled as in the older one.
bool is_rust_wrapper(std::string_view symbol, std::string_view module) {
  const size_t crate = symbol.find("Cs");
  const size_t name = symbol.find('_', crate);
  return crate != std::string_view::npos && name != std::string_view::npos &&
         find_head(kCxxHeadPatterns, drop_first(symbol, name + 1), {module});
}

bool is_listed(std::string_view symbol, std::string_view module) {
  if (symbol.starts_with("_Z")) {
    return is_cxx_wrapper(symbol, module);
  }
  if (symbol.starts_with("_R")) {
    return is_rust_wrapper(symbol, module);
  }
  return is_c_wrapper(elf::without_suffixes(symbol), {module});
}

// ---- What the user adds -------------------------------------------------------------------------

struct UserGlob {
  elf::FunctionGlob function;  // empty: an address
  std::string_view modules;    // empty: any
  uint64_t address = 0;
};

constinit UserGlob user_globs[kMaxWrapperGlobs];
constinit size_t user_glob_count = 0;
constinit char user_text[4096];
constinit size_t user_text_size = 0;

/// Copies a text that may not live long. False when there is no room for it.
bool keep(std::string_view* text) {
  if (text->empty() || text->size() > sizeof user_text - user_text_size) {
    return text->empty();
  }
  char* copy = user_text + user_text_size;
  std::memcpy(copy, text->data(), text->size());
  user_text_size += text->size();
  *text = {copy, text->size()};
  return true;
}

/// Takes "+0x1f" off the end of a text.
bool take_offset(std::string_view* text, uint64_t* offset) {
  const size_t plus = text->rfind("+0x");
  if (plus == std::string_view::npos || text->size() - plus < 4 || text->size() - plus > 3 + 16) {
    return false;
  }
  *offset = 0;
  for (const char c : drop_first(*text, plus + 3)) {
    const bool is_digit = c >= '0' && c <= '9';
    const char lower = static_cast<char>(c | 0x20);
    if (!is_digit && (lower < 'a' || lower > 'f')) {
      return false;
    }
    *offset = *offset << 4 | static_cast<uint64_t>(is_digit ? c - '0' : lower - 'a' + 10);
  }
  *text = take_first(*text, plus);
  return true;
}

/// The mark of "module!function", or npos. "[!a]" is part of a glob.
size_t find_module_mark(std::string_view text) {
  const size_t mark = text.find('!');
  return mark == 0 || mark == std::string_view::npos || text[mark - 1] == '[' ? text.npos : mark;
}

bool means_module(const UserGlob& glob, std::string_view module) {
  return glob.modules.empty() || glob_matches(glob.modules, module);
}

bool is_added(std::string_view symbol, std::string_view module) {
  for (const UserGlob& glob : std::span(user_globs).first(user_glob_count)) {
    if (!glob.function.text().empty() && means_module(glob, module) &&
        glob.function.matches(symbol)) {
      return true;
    }
  }
  return false;
}

}  // namespace

bool add_wrapper_glob(std::string_view function_glob, std::string_view module_glob) {
  std::string_view function = function_glob;
  std::string_view modules = module_glob;
  uint64_t address = 0;
  const size_t mark = find_module_mark(function_glob);
  if (mark != std::string_view::npos) {
    // Behind the @ of an owner's name stands an address.
    modules = take_first(function_glob, mark);
    function = drop_first(function_glob, mark + 1);
    take_offset(&function, &address);
  } else if (take_offset(&function, &address)) {
    modules = function.empty() ? module_glob : function;
    function = {};
  }
  const bool means_something = !function.empty() || (address != 0 && !modules.empty());
  if (!means_something || user_glob_count == kMaxWrapperGlobs || !keep(&function) ||
      !keep(&modules)) {
    return false;
  }
  user_globs[user_glob_count++] = {elf::FunctionGlob(function), modules, address};
  return true;
}

bool is_wrapper_name(std::string_view symbol, std::string_view module) {
  return is_listed(symbol, module) || (user_glob_count != 0 && is_added(symbol, module));
}

bool has_wrapper_offsets() {
  for (const UserGlob& glob : std::span(user_globs).first(user_glob_count)) {
    if (glob.function.text().empty()) {
      return true;
    }
  }
  return false;
}

bool is_wrapper_offset(std::string_view module, uint64_t begin, uint64_t end) {
  for (const UserGlob& glob : std::span(user_globs).first(user_glob_count)) {
    if (glob.function.text().empty() && glob.address >= begin && glob.address < end &&
        means_module(glob, module)) {
      return true;
    }
  }
  return false;
}

void forget_wrapper_globs_for_test() {
  user_glob_count = 0;
  user_text_size = 0;
}

}  // namespace heaptag::tag
