// Where in the address space: gaps between mappings, and headroom that gives way.
// Layer: core/areas.  All within a session.
#pragma once

#include "core/areas/codes.h"

namespace heaptag::areas {

struct Gap {
  uintptr_t start = 0;
  size_t size_bytes = 0;  // 0: there is none
};

/// The first free range from `from` on that holds `size_bytes`.
Gap first_gap(uintptr_t from, size_t size_bytes);

/// Headroom of areas of ours in [at, at + size_bytes) is given up.
void trim_headroom(uintptr_t at, size_t size_bytes);

/// How long a mapping to ask for: room for the area to grow, where address space costs nothing.
size_t with_headroom(size_t size_bytes);

/// Programs get no addresses from here on.
inline constexpr uintptr_t kAddressEnd = (uintptr_t{1} << 47) - 4096;

}  // namespace heaptag::areas
