#include "core/config/size_text.h"

namespace heaptag::config {

SizeProblem read_number(std::string_view text, uint64_t* value) {
  if (text.empty()) {
    return SizeProblem::kNoSize;
  }
  uint64_t number = 0;
  bool too_large = false;
  for (const char c : text) {
    if (c < '0' || c > '9') {
      return SizeProblem::kNoSize;
    }
    too_large = __builtin_mul_overflow(number, 10, &number) || too_large;
    too_large =
        __builtin_add_overflow(number, static_cast<uint64_t>(c - '0'), &number) || too_large;
  }
  *value = number;
  return too_large ? SizeProblem::kTooLarge : SizeProblem::kFine;
}

SizeProblem read_size(std::string_view text, uint64_t* bytes) {
  unsigned shift = 0;
  const char unit = text.empty() ? '\0' : text.back();
  if (unit == 'K' || unit == 'k') {
    shift = 10;
  } else if (unit == 'M' || unit == 'm') {
    shift = 20;
  } else if (unit == 'G' || unit == 'g') {
    shift = 30;
  }
  text.remove_suffix(shift == 0 ? 0 : 1);
  uint64_t value = 0;
  const SizeProblem problem = read_number(text, &value);
  if (problem != SizeProblem::kFine) {
    return problem;
  }
  *bytes = value << shift;
  return value > UINT64_MAX >> shift ? SizeProblem::kTooLarge : SizeProblem::kFine;
}

}  // namespace heaptag::config
