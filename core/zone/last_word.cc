#include "core/zone/last_word.h"

#include "core/safety/checksum.h"
#include "core/safety/settings.h"

namespace heaptag::zone {

void write_last_word(const allocator::CheckedBlock& block, uintptr_t pc) {
  auto* word = reinterpret_cast<uint64_t*>(block.base + block.bytes) - 1;
  *word = 0;
  const uint32_t sum = safety::settings.has_crc ? safety::crc_checksum(block.base, block.bytes)
                                                : safety::plain_checksum(block.base, block.bytes);
  *word = uint64_t{pc} << 16 | ((sum >> 16 ^ sum) & 0xffff);
}

}  // namespace heaptag::zone
