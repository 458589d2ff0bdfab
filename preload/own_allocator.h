// Does the program bring an allocator of its own? Layer: preload.
#pragma once

namespace heaptag {

/// Which function of whose. Both null: none, we serve.
struct OwnAllocator {
  const char* function;
  const char* file;  // lent by the loader
};

/// Safe as the first call of a process: looks at addresses that the loader has bound. Takes the
/// loader's lock for a moment when one of them is not ours.
OwnAllocator find_own_allocator();

}  // namespace heaptag
