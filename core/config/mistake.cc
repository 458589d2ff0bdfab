#include "core/config/mistake.h"

#include "core/base/text.h"
#include "core/base/utf8.h"

namespace heaptag::config {

namespace {

// Of a token, as written into the sentence: room for the longest sentence is left.
constexpr size_t kTokenBytes = 48;
constexpr std::string_view kCut = "...";

/// The bytes that put_printable makes of the first character.
size_t printed_bytes(const Utf8Char& first) {
  return first.valid ? first.length_bytes : kReplacement.size();
}

}  // namespace

MistakeText& MistakeText::put_token(std::string_view token) {
  size_t end = 0;      // of what fits
  size_t cut_end = 0;  // of what fits with kCut behind it
  size_t printed = 0;
  while (end < token.size()) {
    const Utf8Char next = decode_utf8(drop_first(token, end));
    printed += printed_bytes(next);
    if (printed > kTokenBytes) {
      put_printable(text_.sink(), take_first(token, cut_end));
      return put(kCut);
    }
    end += next.length_bytes;
    cut_end = printed + kCut.size() <= kTokenBytes ? end : cut_end;
  }
  put_printable(text_.sink(), token);
  return *this;
}

}  // namespace heaptag::config
