// How a function's frame is left at one point of its code, in one word, and the step outward by it.
// Layer: core/stack.  Allocates: no.  Locks: none.  Signals: safe.
//
// sp is the stack pointer just after the call has returned. The frame's CFA (canonical frame
// address) is where the caller's sp will be then:
//
//   cfa = sp or rbp, + cfa_offset      return address at cfa - 8
//   the caller's rbp: unchanged, or at cfa - rbp_saved_below
#pragma once

#include <cstring>

#include "core/base/check.h"
#include "core/base/types.h"

namespace heaptag::stack {

/// The packed word, of which the user has the other 16 bits:
///
///    63    48 47                 25 24             1 0
///   |  user  | rbp_saved_below / 8 | cfa_offset / 8 | cfa_from_rbp |
///
/// rsp+48 with rbp at c-16 is 0x400000c. No row packs to 0.
struct FrameRow {
  static constexpr unsigned kBits = 48;
  static constexpr unsigned kCfaOffsetBits = 24;  // up to 128 MiB
  static constexpr unsigned kRbpBits = 23;        // up to 64 MiB
  static constexpr uint32_t kWordBytes = 8;
  static constexpr uint32_t kMaxCfaOffset = ((1U << kCfaOffsetBits) - 1) * kWordBytes;
  static constexpr uint32_t kMaxRbpSavedBelow = ((1U << kRbpBits) - 1) * kWordBytes;
  static_assert(1 + kCfaOffsetBits + kRbpBits == kBits);

  bool cfa_from_rbp = false;
  uint32_t cfa_offset = 0;       // bytes, a multiple of 8, at least 8
  uint32_t rbp_saved_below = 0;  // bytes, a multiple of 8; 0: rbp is unchanged

  uint64_t pack() const {
    HEAPTAG_DCHECK(cfa_offset % kWordBytes == 0 && cfa_offset <= kMaxCfaOffset);
    HEAPTAG_DCHECK(rbp_saved_below % kWordBytes == 0 && rbp_saved_below <= kMaxRbpSavedBelow);
    return uint64_t{cfa_from_rbp} | uint64_t{cfa_offset / kWordBytes} << 1 |
           uint64_t{rbp_saved_below / kWordBytes} << (1 + kCfaOffsetBits);
  }

  /// The upper 16 bits are ignored.
  static FrameRow unpack(uint64_t word) {
    const auto field = [word](unsigned shift, unsigned bits) {
      return static_cast<uint32_t>(word >> shift & ((1U << bits) - 1)) * kWordBytes;
    };
    return {(word & 1) != 0, field(1, kCfaOffsetBits), field(1 + kCfaOffsetBits, kRbpBits)};
  }
};

/// A function that has called another one, which has just returned to it.
struct Frame {
  uintptr_t pc;  // the return address
  uintptr_t sp;
  uintptr_t rbp;
};

/// The caller's sp. Where rows may lie, or rbp may hold anything, look before `step` reads:
/// frame.sp < cfa <= end of the stack, and cfa is a multiple of 8.
inline uintptr_t cfa_of(const FrameRow& row, const Frame& frame) {
  return (row.cfa_from_rbp ? frame.rbp : frame.sp) + row.cfa_offset;
}

/// The caller of `frame`, by the row of frame.pc.
/// Pre: the words below the CFA that the row names are readable.
inline Frame step(const FrameRow& row, const Frame& frame) {
  const auto load = [](uintptr_t address) {
    uintptr_t word;
    std::memcpy(&word, reinterpret_cast<const void*>(address), sizeof word);
    return word;
  };
  const uintptr_t cfa = cfa_of(row, frame);
  const uintptr_t rbp = row.rbp_saved_below != 0 ? load(cfa - row.rbp_saved_below) : frame.rbp;
  return {load(cfa - FrameRow::kWordBytes), cfa, rbp};
}

}  // namespace heaptag::stack
