#include "core/render/error_kinds.h"

#include <cstring>

namespace heaptag::render {
namespace {

constexpr ErrorKind kKinds[] = {
    {"use-after-free-write", "Someone wrote into a block after it was freed", "Changed",
     Culprit::kFreer, Evidence::kBytes},
    {"use-after-free-read", "A block was read after it was freed", "Read", Culprit::kFreer,
     Evidence::kNone},
    {"overflow", "Someone wrote behind the end of a block", "Changed", Culprit::kAllocator,
     Evidence::kBytes},
    {"underflow", "Someone wrote before the beginning of a block", "Changed", Culprit::kAllocator,
     Evidence::kBytes},
    {"overflow-read", "Bytes behind the end of a block were read", "Read", Culprit::kAllocator,
     Evidence::kNone},
    {"underflow-read", "Bytes before the beginning of a block were read", "Read",
     Culprit::kAllocator, Evidence::kNone},
    {"double-free", "A block was freed that was free already", nullptr, Culprit::kDetector,
     Evidence::kNone},
    {"invalid-free", "A pointer was freed that no allocation has given out", nullptr,
     Culprit::kDetector, Evidence::kNone},
    {"interior-free", "A pointer into a block was freed, not the one that its allocation gave out",
     nullptr, Culprit::kDetector, Evidence::kNone},
    {"family-mismatch", "A block was freed by another kind of function than allocated it", nullptr,
     Culprit::kDetector, Evidence::kFamilies},
    {"size-mismatch", "A block was freed with a size that it does not have", nullptr,
     Culprit::kDetector, Evidence::kSizes},
    {"tag-mismatch", "A block was freed under a tag that it was not allocated under", nullptr,
     Culprit::kDetector, Evidence::kTags},
    {"tag-released", "A tag was used that had been released", nullptr, Culprit::kDetector,
     Evidence::kNone},
};

constexpr ErrorKind kUnknown = {"error", "Memory was used in a wrong way", nullptr,
                                Culprit::kDetector, Evidence::kNone};

bool is_text(const char* text, const char* wanted) {
  return text != nullptr && std::strcmp(text, wanted) == 0;
}

}  // namespace

const ErrorKind& error_kind(const Error& error) {
  for (const ErrorKind& kind : kKinds) {
    if (is_text(error.kind, kind.name)) {
      return kind;
    }
  }
  return kUnknown;
}

bool is_caught_in_the_act(const Error& error) {
  return is_text(error.found_when, "fault");
}

std::string_view how_found(const Error& error) {
  if (is_caught_in_the_act(error)) {
    return "; caught in the act";
  }
  if (is_text(error.found_when, "reuse")) {
    return "; seen when the block was about to be reused";
  }
  if (is_text(error.found_when, "eviction")) {
    return "; seen when the block left the quarantine";
  }
  if (is_text(error.found_when, "verify")) {
    return "; seen when all blocks were checked";
  }
  if (is_text(error.found_when, "exit")) {
    return "; seen when the program ended";
  }
  // A free that is wrong itself needs no word of how that was found.
  return is_text(error.found_when, "free") && error_kind(error).access != nullptr
             ? "; seen when the block was freed"
             : "";
}

}  // namespace heaptag::render
