#include "core/config/rule_text.h"

#include "core/base/text.h"

namespace heaptag::config {

namespace {

constexpr size_t kNone = std::string_view::npos;
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r';
}

bool has(std::string_view characters, char c) {
  return characters.find(c) != kNone;
}

bool begins_comment(std::string_view text, size_t at) {
  return at == 0 || is_blank(text[at - 1]) || has(",;", text[at - 1]);
}

}  // namespace

bool is_quote(char c) {
  return c == '"' || c == '\'';
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) {
    text.remove_prefix(1);
  }
  while (!text.empty() && is_blank(text.back())) {
    text.remove_suffix(1);
  }
  return text;
}

size_t find_unquoted(std::string_view text, char separator) {
  bool text_may_begin = true;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (text_may_begin && is_quote(c)) {
      i = text.find(c, i + 1);
      if (i == kNone) {
        return kNone;
      }
      text_may_begin = false;
    } else if (c == separator && (c != '#' || begins_comment(text, i))) {
      return i;
    } else if (!is_blank(c)) {
      text_may_begin = has(",;=:@", c);
    }
  }
  return kNone;
}

std::string_view take_until(std::string_view* rest, char separator) {
  const size_t end = find_unquoted(*rest, separator);
  const std::string_view taken = take_first(*rest, end);
  *rest = drop_first(*rest, end == kNone ? end : end + 1);
  return taken;
}

Lines::Lines(std::string_view text) : rest_(text), line_begin_(text.data()) {
  if (text.starts_with(kByteOrderMark)) {
    rest_ = drop_first(text, kByteOrderMark.size());
  }
}

bool Lines::next() {
  if (ended_) {
    return false;
  }
  const size_t end = rest_.find('\n');
  const std::string_view whole = take_first(rest_, end);
  line_begin_ = number_ == 0 ? line_begin_ : whole.data();
  line_ = take_first(whole, find_unquoted(whole, '#'));
  ++number_;
  ended_ = end == kNone;
  rest_ = drop_first(rest_, ended_ ? end : end + 1);
  return true;
}

Mistake Lines::mistake_at(std::string_view where) const {
  Mistake mistake;
  mistake.line = number_;
  mistake.column = static_cast<uint32_t>(where.data() - line_begin_) + 1;
  return mistake;
}

PlainText read_text(std::string_view piece, std::string_view reserved) {
  const auto wrong = [](std::string_view where, std::string_view token, const char* problem) {
    return PlainText{{}, where, token, problem};
  };
  if (!piece.empty() && is_quote(piece[0])) {
    const size_t close = piece.find(piece[0], 1);
    if (close == kNone) {
      return wrong(piece, {}, "the quote that opens here is not closed");
    }
    if (close + 1 != piece.size()) {
      const std::string_view behind = trim(drop_first(piece, close + 1));
      return wrong(behind, behind, " stands behind the closing quote; quote all of it");
    }
    return {drop_first(take_first(piece, close), 1), {}, {}, nullptr};
  }
  for (size_t i = 0; i < piece.size(); ++i) {
    const std::string_view here = drop_first(piece, i);
    if (is_quote(piece[i])) {
      return wrong(here, {}, "a quote inside of a text; quote all of it with the other kind");
    }
    if (has(reserved, piece[i])) {
      return wrong(here, take_first(here, 1),
                   piece[i] == '#' ? " needs quotes around the text, or a blank before a comment"
                                   : " needs quotes around the text");
    }
  }
  return {piece, {}, {}, nullptr};
}

}  // namespace heaptag::config
