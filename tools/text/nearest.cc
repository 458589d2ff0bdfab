#include "tools/text/nearest.h"

#include <algorithm>

#include "core/base/edit_distance.h"

namespace heaptag::tools {
std::string nearest(const std::string& word, const std::vector<std::string>& candidates) {
  std::string best;
  size_t best_edits = std::max<size_t>(word.size() / 3, 1) + 1;
  if (word.size() > kLongestWord) {
    return best;
  }
  for (const std::string& candidate : candidates) {
    const size_t edits = edit_distance(word, candidate);
    if (edits < best_edits && edits < candidate.size()) {
      best = candidate;
      best_edits = edits;
    }
  }
  return best;
}

}  // namespace heaptag::tools
