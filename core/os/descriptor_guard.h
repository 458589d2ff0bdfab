// A descriptor of ours in somebody else's process: out of the way, and never trusted blindly.
// Layer: core/os.  errno: never touched.
#pragma once

#include "core/base/types.h"

namespace heaptag::os {

/// A descriptor and the file that it was when we took it.
struct GuardedDescriptor {
  int fd = -1;
  uint64_t device = 0;
  uint64_t inode = 0;
};

/// Duplicates `fd` to a high number, close-on-exec. fd is -1 when that is not possible.
GuardedDescriptor guard_descriptor(int fd);

/// The descriptor itself, and what it is now: nothing is duplicated. fd is -1 when it is not open.
GuardedDescriptor note_descriptor(int fd);

/// Is it still the same file? The program may have closed it and got its number for something else.
bool is_same_file(const GuardedDescriptor& guarded);

/// Sends one datagram to the system's log. False when there is none.
bool send_syslog(const char* message, size_t size_bytes);

}  // namespace heaptag::os
