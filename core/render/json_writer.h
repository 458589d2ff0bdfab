// The grammar of JSON: commas, quotes and escapes, and where lines are broken.
// Layer: core/render.  Allocates: no.
#pragma once

#include <string_view>

#include "core/base/format.h"
#include "core/base/sink.h"
#include "core/base/utf8.h"
#include "core/render/model.h"

namespace heaptag::render {

/// Keys are ours and need no escaping. Borrows: the sink, for its lifetime.
class JsonWriter {
 public:
  explicit JsonWriter(const Sink& out) : out_(out) {}

  void open(char bracket) {
    separate();
    out_.put_char(bracket);
    needs_comma_ = false;
  }

  void close(char bracket) {
    out_.put_char(bracket);
    needs_comma_ = true;
  }

  void key(std::string_view name) {
    separate();
    out_.put_char('"');
    out_.put(name);
    out_.put("\": ");
    needs_comma_ = false;
  }

  /// The next element starts on a line of its own, indented by this much.
  void break_line(size_t indent) {
    breaks_line_ = true;
    indent_ = indent;
  }

  void end_line(size_t indent) {
    out_.put_char('\n');
    put_repeated(out_, ' ', indent);
  }

  void value(std::string_view raw) {
    separate();
    out_.put(raw);
    needs_comma_ = true;
  }

  void number(uint64_t n) { value(format_decimal(n).view()); }

  void string_or_null(const char* text) {
    if (text == nullptr) {
      value("null");
      return;
    }
    separate();
    put_quoted(text);
    needs_comma_ = true;
  }

  void field(std::string_view name, uint64_t n) {
    key(name);
    number(n);
  }

  void field(std::string_view name, const char* text) {
    key(name);
    string_or_null(text);
  }

  void hex_field(std::string_view name, uint64_t n) {
    key(name);
    hex_value(n);
  }

  void hex_value(uint64_t n) {
    separate();
    out_.put_char('"');
    out_.put(format_hex(n).view());
    out_.put_char('"');
    needs_comma_ = true;
  }

  void flag(std::string_view name, bool is_set) {
    key(name);
    value(is_set ? "true" : "false");
  }

  void signed_field(std::string_view name, int64_t n) {
    key(name);
    value(format_signed(n).view());
  }

  void field_if(bool known, std::string_view name, uint64_t n) {
    if (known) {
      field(name, n);
    } else {
      null_field(name);
    }
  }

  void null_field(std::string_view name) {
    key(name);
    value("null");
  }

  /// Options are an object, so their names are keys of unknown origin.
  void quoted_key(const char* name) {
    separate();
    put_quoted(name);
    out_.put(": ");
    needs_comma_ = false;
  }

 private:
  void separate() {
    if (needs_comma_) {
      out_.put(breaks_line_ ? "," : ", ");
    }
    if (breaks_line_) {
      end_line(indent_);
      breaks_line_ = false;
    }
    needs_comma_ = false;
  }

  void put_quoted(std::string_view text);
  void put_escaped(Utf8Char c);

  const Sink& out_;
  bool needs_comma_ = false;
  bool breaks_line_ = false;
  size_t indent_ = 0;
};

/// An array of frames under a key.
void write_frames(JsonWriter& json, std::string_view name, const Frame* frames, size_t count);

}  // namespace heaptag::render
