// What the checks have found, on its way to whoever tells of it. The mechanisms fill a Finding and
// know nothing of reports. Layer: core/safety.
#pragma once

#include "core/base/types.h"
#include "core/safety/block_record.h"
#include "core/safety/guard_region.h"
#include "core/stack/frame_row.h"

namespace heaptag::safety {

/// In the words of the reports: kind_name.
enum class Kind : uint8_t {
  kUseAfterFreeWrite,
  kUseAfterFreeRead,
  kOverflow,
  kUnderflow,
  kOverflowRead,
  kUnderflowRead,
  kDoubleFree,
  kInvalidFree,
  kInteriorFree,
  kFamilyMismatch,
  kSizeMismatch,
  kTagMismatch,
  kTagReleased,
  kCount,
};

const char* kind_name(Kind kind);

enum class FoundWhen : uint8_t { kReuse, kEviction, kVerify, kExit, kFree, kFault };

const char* found_when_name(FoundWhen when);

const char* family_name(Family family);

struct Finding {
  Kind kind{};
  FoundWhen when{};
  uintptr_t address = 0;  // of the first bad byte if it is known, or what was passed
  size_t length = 0;      // of the bad bytes; 0: not known
  uint8_t was = 0;        // the single one of a block without a copy
  bool in_block = false;  // `block` is the one
  CheckedBlock block{};   // record null: nothing more than its place and size is known
  const GuardedBlock* guarded = nullptr;  // `block` is this one: it has a GuardRecord
  Family allocated_as = Family::kAny;     // if it is not the record that says it
  Family freed_as = Family::kAny;
  size_t freed_size = 0;  // what a sized delete says; 0: nothing
  uintptr_t pc = 0;       // of the call, or the instruction, that has met it; 0: not known
  stack::Frame frame{};   // from where the stack is followed; pc 0: from the listener's caller on
  bool refused = false;   // the call has done nothing
  bool panics = false;    // whoever tells of it panics afterwards
};

/// Tells of a finding: set once, before main. Called by any thread, in a slow path, with no lock
/// held. It may not come back.
using Listener = void (*)(const Finding& finding);
extern constinit Listener listener;

inline void tell(const Finding& finding) {
  if (listener != nullptr) {
    listener(finding);
  }
}

}  // namespace heaptag::safety
