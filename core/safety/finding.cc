#include "core/safety/finding.h"

#include "core/safety/settings.h"

namespace heaptag::safety {

constinit Settings settings{};
constinit Listener listener = nullptr;

namespace {

constexpr const char* kKindNames[] = {
    "use-after-free-write", "use-after-free-read", "overflow",      "underflow",
    "overflow-read",        "underflow-read",      "double-free",   "invalid-free",
    "interior-free",        "family-mismatch",     "size-mismatch", "tag-mismatch",
    "tag-released",
};
static_assert(sizeof(kKindNames) / sizeof(kKindNames[0]) == static_cast<size_t>(Kind::kCount));

constexpr const char* kWhenNames[] = {"reuse", "eviction", "verify", "exit", "free", "fault"};
constexpr const char* kFamilyNames[] = {"?", "malloc", "new", "new[]", "OSMalloc", "MALLOC"};

}  // namespace

const char* kind_name(Kind kind) {
  return kKindNames[static_cast<size_t>(kind)];
}

const char* found_when_name(FoundWhen when) {
  return kWhenNames[static_cast<size_t>(when)];
}

const char* family_name(Family family) {
  return kFamilyNames[static_cast<size_t>(family)];
}

}  // namespace heaptag::safety
