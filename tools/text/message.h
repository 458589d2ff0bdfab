// Messages of the command: one line each on stderr, "heaptag: thing: reason; next step".
#pragma once

#include <fmt/format.h>

#include <string>
#include <utility>

namespace heaptag::tools {

/// Writes "heaptag: TEXT\n" in one piece; control characters (names come from anywhere) as \xNN.
void complain_text(const std::string& text);

template <typename... Values>
void complain(fmt::format_string<Values...> format, Values&&... values) {
  complain_text(fmt::format(format, std::forward<Values>(values)...));
}

}  // namespace heaptag::tools
