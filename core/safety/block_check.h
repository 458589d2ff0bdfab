// What is done to the bytes of a block so that errors show: redzones around live blocks, a checksum
// over freed ones. Layer: core/safety.  Allocates: no.  Locks: none.  Signals: safe.
#pragma once

#include "core/safety/block_record.h"

namespace heaptag::safety {

/// Bytes of a block that are not as they should be, from its user's first byte on.
struct Damage {
  int64_t offset = 0;
  size_t length = 0;  // from the first to the last; 0: somewhere in the block
  uint8_t was = 0;    // of a single byte that has no copy

  bool is_before() const { return offset < 0; }
};

/// Fills what lies around the user's bytes.
void fill_redzones(const CheckedBlock& block);

/// The damage next to the user's bytes, before them or behind them: false when there is none.
bool find_redzone_damage(const CheckedBlock& block, Damage* damage);

/// The byte that belongs at an address in a redzone.
uint8_t redzone_byte(uintptr_t address);

/// A block is freed: what it holds now is what it has to hold until it is used again.
void seal(const CheckedBlock& block);

/// The copy alone, of a small block.
[[gnu::always_inline]] inline void keep_content(const CheckedBlock& block) {
  using Words __attribute__((vector_size(16), aligned(16), may_alias)) = uint64_t;
  if (block.kept == nullptr) {
    return;
  }
  const auto* from = reinterpret_cast<const Words*>(block.base);
  auto* to = reinterpret_cast<Words*>(block.kept);
  for (size_t left = keepable_bytes(block.bytes); left != 0; left -= sizeof(Words)) {
    *to++ = *from++;
  }
}

/// Does a freed block hold what it held when it was freed? Pre: sealed.
bool is_intact(const CheckedBlock& block);

/// Which bytes have changed since, as far as a copy tells, or the sum: that of a larger block gives
/// away a single byte.
Damage find_change(const CheckedBlock& block);

}  // namespace heaptag::safety
