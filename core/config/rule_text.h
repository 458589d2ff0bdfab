// Lines, comments, quotes: what tag rules and lists of wrappers have in common.
// Layer: core/config.  Allocates: no.  Everything is lent from the text.
//
// A quote opens where a text may begin: first in a line, or behind one of , ; = : @ and blanks. It
// ends in its line; where the closing one is missing, the rest of the line is taken for quoted.
// A comment begins with a # that is first in a line or behind a blank, a comma or a semicolon.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/config/mistake.h"

namespace heaptag::config {

bool is_quote(char c);

/// Without the blanks (space, tab, carriage return) around it.
std::string_view trim(std::string_view text);

/// The index of the first `separator` outside of quotes, or npos. A '#' counts only where it begins
/// a comment. Pre: no newline in `text`, which begins where a quote may open.
size_t find_unquoted(std::string_view text, char separator);

/// Takes the text up to the next `separator` outside of quotes off `rest`, and the separator too.
std::string_view take_until(std::string_view* rest, char separator);

/// The lines of a text, one after the other.
class Lines {
 public:
  /// A byte order mark at the beginning is nothing.
  explicit Lines(std::string_view text);

  /// Moves on to the next line. Returns: false behind the last one.
  bool next();

  /// The line, without its end and its comment.
  std::string_view line() const { return line_; }

  /// A mistake at `where`, a piece of this line, still without its sentence.
  Mistake mistake_at(std::string_view where) const;

 private:
  std::string_view rest_;
  std::string_view line_;
  const char* line_begin_ = nullptr;
  uint32_t number_ = 0;
  bool ended_ = false;
};

/// A text as it is meant, or why it cannot be understood.
struct PlainText {
  std::string_view value;  // without quotes; may be empty
  std::string_view where;  // what is wrong
  std::string_view token;  // what the sentence begins with, if anything
  const char* problem;     // the rest of the sentence; null: nothing is wrong
};

/// Takes the quotes off a trimmed piece. A piece without quotes must not have one of `reserved` in
/// it.
PlainText read_text(std::string_view piece, std::string_view reserved);

}  // namespace heaptag::config
