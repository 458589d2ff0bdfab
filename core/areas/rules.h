// What arguments have to be, and who may do what: the places where BeOS's documentation and Haiku
// differ. Layer: core/areas.
#pragma once

#include <cstring>
#include <string_view>

#include "core/areas/codes.h"
#include "core/areas/records.h"
#include "core/areas/registry.h"

namespace heaptag::areas {

/// A name as it is kept: cut off behind 31 characters.
struct AreaName {
  char text[wire::kAreaNameBytes] = {};

  explicit AreaName(const char* name) {
    for (size_t i = 0; i + 1 < sizeof(text) && name[i] != '\0'; ++i) {
      text[i] = name[i];
    }
  }

  std::string_view view() const { return text; }
};

inline Status bad_pointer() {
  return speaks_haiku() ? kBadAddress : kBadValue;
}

/// For what only the area's own team may do.
inline Status not_own() {
  return speaks_haiku() ? kNotAllowed : kBadValue;
}

inline bool is_protection(uint32_t protection) {
  const uint32_t known =
      speaks_haiku() ? kRights | kStackArea | kCloneableArea : kReadArea | kWriteArea;
  return (protection & ~known) == 0;
}

/// Haiku: another team's area has to allow it, and lends no right that it has not.
inline bool may_clone(const wire::AreaRecord& source, uint32_t protection) {
  return is_own(source) || ((source.protection & kCloneableArea) != 0 &&
                            (protection & kRights & ~source.protection) == 0);
}

}  // namespace heaptag::areas
