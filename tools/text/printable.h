// Text from strangers, as a terminal may have it.
#pragma once

#include <string>

namespace heaptag::tools {

/// Control characters become "?", bytes that are no UTF-8 a replacement character.
std::string printable(const std::string& text);

/// Spaces behind a text that may have characters of several bytes.
std::string padded(const std::string& text, size_t columns);

}  // namespace heaptag::tools
