#include "core/base/glob.h"

#include "core/base/text.h"

namespace heaptag {

namespace {

constexpr size_t kNone = std::string_view::npos;

/// The index behind the `]` that closes the class at `begin`, or kNone: then it is a plain bracket.
size_t end_of_class(std::string_view glob, size_t begin) {
  size_t at = begin + 1;
  at += at < glob.size() && glob[at] == '!' ? 1 : 0;
  for (size_t i = at; i < glob.size(); ++i) {
    if (glob[i] == ']' && i > at) {
      return i + 1;
    }
  }
  return kNone;
}

bool class_has(std::string_view glob, size_t begin, size_t end, char c) {
  size_t at = begin + 1;
  const bool excludes = glob[at] == '!';
  at += excludes ? 1 : 0;
  bool found = false;
  while (at < end - 1) {
    const bool is_range = at + 2 < end - 1 && glob[at + 1] == '-';
    const char last = glob[is_range ? at + 2 : at];
    found = found || (c >= glob[at] && c <= last);
    at += is_range ? 3 : 1;
  }
  return found != excludes;
}

/// Does one element of the glob, no star, match one character? Moves behind the element if so.
bool element_matches(std::string_view glob, size_t* at, char c) {
  if (glob[*at] == '[') {
    const size_t end = end_of_class(glob, *at);
    if (end != kNone) {
      if (!class_has(glob, *at, end, c)) {
        return false;
      }
      *at = end;
      return true;
    }
  }
  if (glob[*at] != '?' && glob[*at] != c) {
    return false;
  }
  ++*at;
  return true;
}

}  // namespace

bool glob_matches(std::string_view glob, std::string_view text) {
  size_t g = 0;
  size_t t = 0;
  size_t behind_star = kNone;  // where to go on when what follows the last star does not match
  size_t resume = 0;
  while (t < text.size()) {
    if (g < glob.size() && glob[g] == '*') {
      behind_star = ++g;
      resume = t;
    } else if (g < glob.size() && element_matches(glob, &g, text[t])) {
      ++t;
    } else if (behind_star != kNone) {
      g = behind_star;
      t = ++resume;
    } else {
      return false;
    }
  }
  while (g < glob.size() && glob[g] == '*') {
    ++g;
  }
  return g == glob.size();
}

bool any_glob_matches(std::string_view globs, std::string_view text) {
  while (!globs.empty()) {
    const size_t end = globs.find(' ');
    if (end != 0 && glob_matches(take_first(globs, end), text)) {
      return true;
    }
    globs.remove_prefix(end == std::string_view::npos ? globs.size() : end + 1);
  }
  return false;
}

}  // namespace heaptag
