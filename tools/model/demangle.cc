#include "tools/model/demangle.h"

#include <cxxabi.h>

#include <cstdlib>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

namespace heaptag::tools {
namespace {

bool is_word_char(char c) {
  return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/// The length of an operator's own characters after "operator", which look like brackets but are
/// none: "operator<<", "operator()", "operator->*".
size_t operator_length(std::string_view rest) {
  for (const std::string_view op :
       {"()", "[]", "<=>", "<<=", ">>=", "->*", "<<", ">>", "<=", ">=", "->", "<", ">"}) {
    if (rest.starts_with(op)) {
      // "operator< <int>" is the template of operator<, "operator<int>" cannot be written.
      return op.size();
    }
  }
  return 0;
}

/// Where the parts of a demangled name are: found in one pass over its brackets.
struct Parts {
  size_t name_begin = 0;                // after the return type
  size_t name_end = std::string::npos;  // before the parameters
};

/// The parameters are the last top-level "(...)" that nothing but qualifiers follow; the return
/// type ends at the last top-level space before it.
Parts find_parts(std::string_view text) {
  Parts parts;
  int depth = 0;
  size_t open = 0;
  bool in_operator = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool word_starts = i == 0 || !is_word_char(text[i - 1]);
    if (word_starts && text.substr(i).starts_with("operator") &&
        (i + 8 == text.size() || !is_word_char(text[i + 8]))) {
      i += 7 + operator_length(text.substr(i + 8));
      in_operator = depth == 0;  // "operator new", "operator char const*": spaces belong to it
      continue;
    }
    if (c == '(' || c == '<' || c == '{' || c == '[') {
      if (depth++ == 0 && c == '(') {
        open = i;
      }
    } else if (c == ')' || c == '>' || c == '}' || c == ']') {
      --depth;
      if (depth == 0 && c == ')') {
        // "(anonymous namespace)::x(int)" and "f(int)::{lambda()#1}::operator()(...)" go on by
        // "::".
        const bool goes_on = text.substr(i + 1).starts_with("::");
        if (!goes_on && open != parts.name_begin) {
          parts.name_end = open;
          return parts;
        }
      }
    } else if (c == ' ' && depth == 0 && !in_operator) {
      parts.name_begin = i + 1;
    }
  }
  return parts;
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size()) {
    text.replace(at, from.size(), to);
  }
}

/// The position after the bracket that closes the one before `begin`, or npos.
size_t end_of_brackets(std::string_view text, size_t begin) {
  int depth = 1;
  for (size_t i = begin; i < text.size(); ++i) {
    depth += text[i] == '<' ? 1 : 0;
    depth -= text[i] == '>' ? 1 : 0;
    if (depth == 0) {
      return i + 1;
    }
  }
  return std::string::npos;
}

/// Removes ", std::allocator<T>" where it is the last argument: there it is the default.
void drop_default_argument(std::string& text, std::string_view opening) {
  for (size_t at = 0; (at = text.find(opening, at)) != std::string::npos;) {
    const size_t end = end_of_brackets(text, at + opening.size());
    size_t next = end;
    while (next < text.size() && text[next] == ' ') {
      ++next;
    }
    if (end == std::string::npos || next == text.size() || text[next] != '>') {
      at += opening.size();
    } else {
      text.erase(at, next - at);
    }
  }
}

/// The standard library's names as people write them: std::string, std::vector<int>.
std::string shorten_standard_names(std::string text) {
  replace_all(text, "[abi:cxx11]", "");
  replace_all(text, "std::__cxx11::", "std::");
  // Inner ones first: an allocator of strings names the string's own.
  replace_all(text, "std::basic_string<char, std::char_traits<char>, std::allocator<char> >",
              "std::string");
  drop_default_argument(text, ", std::allocator<");
  drop_default_argument(text, ", std::default_delete<");
  drop_default_argument(text, ", std::char_traits<");
  for (const char* name :
       {"string", "ostream", "istream", "iostream", "filebuf", "ifstream", "ofstream", "fstream",
        "stringbuf", "stringstream", "istringstream", "ostringstream", "streambuf", "ios"}) {
    replace_all(text, std::string("std::basic_") + name + "<char>", std::string("std::") + name);
  }
  // "> >" is how the demangler closes two lists; after a shortened name the space is left over.
  for (size_t at = 0; (at = text.find(" >", at)) != std::string::npos; ++at) {
    if (at > 0 && text[at - 1] != '>' && is_word_char(text[at - 1])) {
      text.erase(at, 1);
    }
  }
  return text;
}

}  // namespace

std::string strip_signature(const std::string& demangled) {
  const Parts parts = find_parts(demangled);
  if (parts.name_end == std::string::npos) {
    return demangled;
  }
  std::string name = demangled.substr(parts.name_begin, parts.name_end - parts.name_begin);
  // A function that returns a pointer to a function is written around its name: leave it whole.
  const bool is_declarator = name.starts_with("(*") || name.starts_with("(&");
  return name.empty() || is_declarator ? demangled : name;
}

std::string demangle(const std::string& symbol) {
  if (!symbol.starts_with("_Z")) {
    return symbol;
  }
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> demangled(
      abi::__cxa_demangle(symbol.c_str(), nullptr, nullptr, &status), &std::free);
  return demangled == nullptr ? symbol : shorten_standard_names(strip_signature(demangled.get()));
}

}  // namespace heaptag::tools
