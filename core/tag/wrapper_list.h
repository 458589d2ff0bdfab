// wrappers.def, read at compile time: every name as a glob of what is looked up, sorted into kinds.
// Layer: core/tag.  Only wrapper_table.h includes it.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "core/base/types.h"

namespace heaptag::tag {

/// What is looked up where.
enum WrapperTable : uint8_t {
  kCHeads,      // "g_malloc", "g_malloc*": what a C name is or begins with
  kCTails,      // "*_malloc"
  kCxxHeads,    // the same of a mangled name without _Z, N, K: "4llvm11safe_malloc"
  kCxxTails,    // "*EnwEm"
  kStdHeads,    // without St and inline namespaces, too: "6vectorI"
  kShortHeads,  // of kCxxHeads, what begins with less than kMinLiteral characters: "Ss", "nwm"
  kWrapperTableCount,
};

struct WrapperPattern {
  uint16_t begin = 0;          // of the glob in the text
  uint8_t size = 0;            // of the glob
  uint8_t literal_size = 0;    // what it begins with, or with tails what it ends with
  uint16_t shorter = 0xFFFF;   // the next pattern whose literal begins this one's
  uint16_t modules_begin = 0;  // globs with blanks between them; none: any module
  uint16_t modules_size = 0;
  bool is_habit = false;      // goes for members of classes as well
  bool is_exception = false;  // is no wrapper, whatever the others say
  bool has_classes = false;   // more than stars: ? or [
};

inline constexpr uint16_t kNoPattern = 0xFFFF;
inline constexpr size_t kMinLiteral = 4;  // what the filters look at

namespace list {

struct Row {
  bool is_habit;
  bool is_exception;
  std::string_view modules;
  std::string_view names;
};

inline constexpr Row kRows[] = {
#define HEAPTAG_WRAPPERS(modules, names) {false, false, modules, names},
#define HEAPTAG_WRAPPER_HABITS(names) {true, false, "*", names},
#define HEAPTAG_NO_WRAPPERS(names) {false, true, "*", names},
#define HEAPTAG_OPAQUE_MODULES(modules)
#include "core/tag/wrappers.def"
#undef HEAPTAG_WRAPPERS
#undef HEAPTAG_WRAPPER_HABITS
#undef HEAPTAG_NO_WRAPPERS
#undef HEAPTAG_OPAQUE_MODULES
};

/// Tables before their exact sizes are known.
struct Draft {
  static constexpr size_t kMaxPatterns = 2000;
  static constexpr size_t kMaxText = 60'000;

  char text[kMaxText] = {};
  size_t text_size = 0;
  WrapperPattern patterns[kWrapperTableCount][kMaxPatterns] = {};
  size_t counts[kWrapperTableCount] = {};

  constexpr void put(char c) { text[text_size++] = c; }

  constexpr void put(std::string_view part) {
    for (const char c : part) {
      put(c);
    }
  }

  constexpr void put_identifier(std::string_view name) {
    if (name.size() >= 10) {
      put(static_cast<char>('0' + name.size() / 10));
    }
    put(static_cast<char>('0' + name.size() % 10));
    put(name);
  }
};

/// Up to the first of a character, or all of it. With pointers, for the compiler's patience.
constexpr size_t size_before(std::string_view text, char c) {
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at != end && *at != c) {
    ++at;
  }
  return static_cast<size_t>(at - text.data());
}

constexpr bool is_mangled(std::string_view name) {
  return name.starts_with("_Z") || size_before(name, ':') < name.size();
}

/// "std::vector<>::_M_insert" as the linker spells it, up to what may follow:
/// "St6vectorI*E9_M_insert*".
constexpr void put_mangled(Draft* draft, std::string_view name) {
  std::string_view previous;
  bool closes = false;  // behind template arguments
  while (!name.empty()) {
    const size_t end = size_before(name, ':');
    std::string_view part = name.substr(0, end);
    name.remove_prefix(end == name.size() ? end : end + 2);
    const bool is_template = part.ends_with("<>");
    part.remove_suffix(is_template ? 2 : 0);
    draft->put(closes ? "*E" : "");
    if (part == "std" && previous.empty()) {
      draft->put("St");
    } else if (part == previous) {
      draft->put('C');  // a constructor
    } else if (part == "operator=") {
      draft->put("aS");
    } else {
      draft->put_identifier(part);
    }
    draft->put(is_template ? "I" : "");
    closes = is_template;
    previous = part;
  }
  draft->put('*');
}

/// Not constexpr: a row that comes here does not compile.
void wrapper_name_is_too_long_or_too_general();

constexpr void add(Draft* draft, std::string_view name, WrapperPattern pattern) {
  pattern.begin = static_cast<uint16_t>(draft->text_size);
  const bool mangled = is_mangled(name);
  if (name.starts_with("_Z")) {
    name.remove_prefix(name.starts_with("_ZN") && !name.starts_with("_ZN*") ? 3 : 2);
    draft->put(name);
  } else if (mangled) {
    put_mangled(draft, name);
  } else {
    draft->put(name);
  }
  std::string_view glob(draft->text + pattern.begin, draft->text_size - pattern.begin);
  const bool is_tail = glob.starts_with('*');
  WrapperTable table = mangled ? (is_tail ? kCxxTails : kCxxHeads) : (is_tail ? kCTails : kCHeads);
  if (table == kCxxHeads && glob.starts_with("St")) {
    table = kStdHeads;
    pattern.begin = static_cast<uint16_t>(pattern.begin + 2);
    glob.remove_prefix(2);
  }
  const size_t star = size_before(glob, '*');
  const size_t bracket = size_before(glob, '[');
  const size_t question = size_before(glob, '?');
  const size_t other = bracket < question ? bracket : question;
  pattern.size = static_cast<uint8_t>(glob.size());
  pattern.has_classes = other < glob.size();
  pattern.literal_size = static_cast<uint8_t>(is_tail ? glob.size() - glob.rfind('*') - 1
                                                      : (star < other ? star : other));
  if (table == kCxxHeads && pattern.literal_size < kMinLiteral) {
    table = kShortHeads;
  }
  if (glob.size() > 255 || (pattern.literal_size < kMinLiteral && table != kShortHeads)) {
    wrapper_name_is_too_long_or_too_general();
  }
  draft->patterns[table][draft->counts[table]++] = pattern;
}

consteval Draft read_list() {
  Draft draft;
  for (const Row& row : kRows) {
    WrapperPattern pattern;
    pattern.is_habit = row.is_habit;
    pattern.is_exception = row.is_exception;
    if (row.modules != "*") {
      pattern.modules_begin = static_cast<uint16_t>(draft.text_size);
      pattern.modules_size = static_cast<uint16_t>(row.modules.size());
      draft.put(row.modules);
    }
    std::string_view names = row.names;
    while (!names.empty()) {
      const size_t end = size_before(names, ' ');
      if (end != 0) {
        add(&draft, names.substr(0, end), pattern);
      }
      names.remove_prefix(end == names.size() ? end : end + 1);
    }
  }
  return draft;
}

inline constexpr Draft kDraft = read_list();

}  // namespace list

}  // namespace heaptag::tag
