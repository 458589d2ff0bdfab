// What the checks are asked to do. Written once, before main; all zero: nothing is checked.
// Layer: core/safety.
#pragma once

#include "core/base/types.h"

namespace heaptag::safety {

struct Settings {
  bool checks_blocks;      // every block has a record: what follows, but for the guards, needs it
  bool has_crc;            // of the CPU
  bool keeps_content;      // of small freed blocks
  bool kmem_debug;         // checksums on freed blocks
  uint32_t redzone_bytes;  // on both sides of a block; 0: none, and rounding belongs to the block
  uint32_t stack_depth;    // frames that are kept of who allocated and who freed
  uint64_t quarantine_bytes;   // so much is freed before a freed block is used again
  bool guards;                 // some blocks lie between pages that nobody may touch
  uint32_t guard_stack_depth;  // as stack_depth, of those
};

extern constinit Settings settings;

/// The redzone before a block: blocks are aligned to 16 bytes.
inline size_t front_bytes() {
  return (settings.redzone_bytes + size_t{15}) & ~size_t{15};
}

/// The default of HEAPTAG_QUARANTINE: what waits should stay in the second-level cache, where the
/// program finds it again.
inline constexpr uint64_t kDefaultQuarantineBytes = 128 * 1024;

}  // namespace heaptag::safety
