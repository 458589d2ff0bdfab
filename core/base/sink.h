// Where text goes: a function and its context, so that one writer serves files, buffers and
// terminals. Layer: core/base.
#pragma once

#include <cstddef>
#include <cstring>
#include <string_view>

namespace heaptag {

/// A destination for bytes. `write` is called with pieces in order; it may buffer, may drop after
/// an error, and never fails visibly: whoever owns the context asks it afterwards.
struct Sink {
  void (*write)(void* context, const char* data, size_t size_bytes);
  void* context;

  void put(std::string_view text) const { write(context, text.data(), text.size()); }

  void put_char(char c) const { write(context, &c, 1); }
};

}  // namespace heaptag
