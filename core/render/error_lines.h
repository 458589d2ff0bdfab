// The lines of an error's text, each of which begins with the pid, as Valgrind's do.
// Layer: core/render.  Allocates: no.
#pragma once

#include <cstdint>

#include "core/base/format.h"
#include "core/base/sink.h"

namespace heaptag::render {

/// Borrows: the sink, for its lifetime.
class ErrorLines {
 public:
  /// `pid` is 0 when it is not known.
  ErrorLines(uint64_t pid, const Sink& out) : pid_(pid), out_(out) {}

  /// Lends the sink for the rest of the line.
  const Sink& begin() const {
    write_mark();
    out_.put_char(' ');
    return out_;
  }

  const Sink& sink() const { return out_; }

  void end() const { out_.put_char('\n'); }

  void blank() const {
    write_mark();
    end();
  }

 private:
  void write_mark() const {
    out_.put("==");
    out_.put(pid_ == 0 ? "-" : format_decimal(pid_).view());
    out_.put("==");
  }

  uint64_t pid_;
  const Sink& out_;
};

}  // namespace heaptag::render
