// Patterns of names as people type them in options. Layer: core/base.
#pragma once

#include <string_view>

namespace heaptag {

/// `*` any characters, `?` one, `[abc]` `[a-z]` `[!a]` one of them or none of them; everything else
/// is itself. The whole text has to match. Cost: O(glob * text) at worst.
bool glob_matches(std::string_view glob, std::string_view text);

/// Does one of several globs, with blanks between them, match?
bool any_glob_matches(std::string_view globs, std::string_view text);

}  // namespace heaptag
