// Sizes as people write them: 4096, 4K, 2M, 1G. Layer: core/config.  Allocates: no.
#pragma once

#include <cstdint>
#include <string_view>

namespace heaptag::config {

enum class SizeProblem { kFine, kNoSize, kTooLarge };

/// Reads a whole number with K, M or G behind it, powers of 1024, or with nothing.
SizeProblem read_size(std::string_view text, uint64_t* bytes);

/// The same of a plain number, without a unit.
SizeProblem read_number(std::string_view text, uint64_t* value);

}  // namespace heaptag::config
