#include "core/base/edit_distance.h"

namespace heaptag {

size_t edit_distance(std::string_view a, std::string_view b) {
  if (a.size() > kLongestWord || b.size() > kLongestWord) {
    return kLongestWord;
  }
  // Rows of the table for the first i, i - 1 and i - 2 characters of `a`, taking turns.
  size_t rows[3][kLongestWord + 1];
  for (size_t i = 0; i <= a.size(); ++i) {
    size_t* row = rows[i % 3];
    const size_t* above = rows[(i + 2) % 3];
    const size_t* above_that = rows[(i + 1) % 3];
    for (size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 || j == 0) {
        row[j] = i + j;
        continue;
      }
      const size_t replaced = above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      const size_t shorter = (above[j] < row[j - 1] ? above[j] : row[j - 1]) + 1;
      row[j] = replaced < shorter ? replaced : shorter;
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
          above_that[j - 2] + 1 < row[j]) {
        row[j] = above_that[j - 2] + 1;
      }
    }
  }
  return rows[a.size() % 3][b.size()];
}

}  // namespace heaptag
