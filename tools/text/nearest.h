// The known word that a mistyped one was probably meant to be.
#pragma once

#include <string>
#include <vector>

namespace heaptag::tools {

/// Returns the candidate with the fewest edits (insert, drop, replace, swap two neighbours), or ""
/// when none is close: more than a third of the word would have to change.
std::string nearest(const std::string& word, const std::vector<std::string>& candidates);

}  // namespace heaptag::tools
