// B_CONTIGUOUS: memory whose physical pages follow each other. Layer: core/areas.
#pragma once

#include "core/areas/codes.h"

namespace heaptag::areas {

/// Gives a new file all of its pages, one behind the other in the machine's memory. kNoMemory when
/// they could not be had, or when nobody can say that they were.
Status make_contiguous(int fd, size_t size_bytes);

}  // namespace heaptag::areas
