// What is wrong with a text that somebody wrote for us, and where.
// Layer: core/config.  Allocates: no.
#pragma once

#include <cstdint>
#include <string_view>

#include "core/base/format.h"

namespace heaptag::config {

/// Lines and columns count from 1, columns in bytes.
struct Mistake {
  uint32_t line = 0;
  uint32_t column = 0;
  char what[160] = {};  // one sentence: "'fnc:' is no matcher; did you mean func:?"
};

/// Writes the sentence of a mistake. Borrows: the mistake, for its lifetime.
class MistakeText {
 public:
  explicit MistakeText(Mistake* mistake) : text_(mistake->what, sizeof mistake->what) {}

  MistakeText& put(std::string_view words) {
    text_.sink().put(words);
    return *this;
  }

  /// What somebody wrote: made printable, and its end cut off when it is long.
  MistakeText& put_token(std::string_view token);

  /// The same between ' and '.
  MistakeText& put_quoted(std::string_view token) { return put("'").put_token(token).put("'"); }

 private:
  BufferSink text_;
};

}  // namespace heaptag::config
