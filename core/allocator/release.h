// How the program gives a block back: by which function, from where. Of use when something is wrong
// with it. Layer: core/allocator.
#pragma once

#include "core/safety/block_record.h"

namespace heaptag::allocator {

struct Release {
  uintptr_t pc = 0;  // return address of the call
  safety::Family family = safety::Family::kAny;
  size_t size = 0;  // of a sized delete; 0: not told
};

}  // namespace heaptag::allocator
