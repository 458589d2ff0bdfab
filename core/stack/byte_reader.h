// Reads the elementary values of .eh_frame from bytes that may say anything.
// Layer: core/stack.  Allocates: no.  Signals: safe.
#pragma once

#include <cstring>

#include "core/base/types.h"

namespace heaptag::stack {

/// Mapped bytes. Empty unless begin < end.
struct ByteRange {
  uintptr_t begin = 0;
  uintptr_t end = 0;
};

// Encodings of pointers (DW_EH_PE_…): a format, what the value is relative to, and the flag 0x80
// for one that lies elsewhere.
inline constexpr uint8_t kPointerAbsolute = 0x00;
inline constexpr uint8_t kPointerFormatMask = 0x0f;
inline constexpr uint8_t kPointerPcRelative = 0x10;
inline constexpr uint8_t kPointerAligned = 0x50;
inline constexpr uint8_t kPointerBaseMask = 0x70;
inline constexpr uint8_t kPointerOmitted = 0xff;

/// Reads forward. Once a read would leave the range, or a value has no meaning, it has failed: it
/// stands at the end and everything reads as 0. So a loop until at_end() always ends.
class ByteReader {
 public:
  ByteReader() = default;

  explicit ByteReader(ByteRange range) : at_(range.begin), end_(range.end) {
    if (range.begin > range.end) {
      fail();
    }
  }

  bool failed() const { return failed_; }

  bool at_end() const { return at_ == end_; }

  uintptr_t at() const { return at_; }

  ByteRange rest() const { return {at_, end_}; }

  /// Little-endian, aligned or not.
  template <class T>
  T fixed() {
    T value = 0;
    if (end_ - at_ < sizeof value) {
      fail();
      return 0;
    }
    std::memcpy(&value, reinterpret_cast<const void*>(at_), sizeof value);
    at_ += sizeof value;
    return value;
  }

  void skip(uint64_t size_bytes) {
    if (end_ - at_ < size_bytes) {
      fail();
      return;
    }
    at_ += size_bytes;
  }

  /// Signed and unsigned LEB128, of up to 64 bits.
  uint64_t uleb128() { return leb128(false); }

  int64_t sleb128() { return static_cast<int64_t>(leb128(true)); }

  /// A pointer that is absolute or relative to its own place; fails for all others.
  uintptr_t pointer(uint8_t encoding) {
    const uintptr_t place = at_;
    const uint64_t value = pointer_value(encoding & kPointerFormatMask);
    switch (encoding & ~kPointerFormatMask) {
      case kPointerAbsolute:
        return value;
      case kPointerPcRelative:
        return value + place;
      default:
        fail();
        return 0;
    }
  }

  /// The value alone, in a format with no base.
  uint64_t pointer_value(uint8_t format) {
    switch (format) {
      case 0x00:  // absptr
      case 0x04:  // udata8
      case 0x0c:  // sdata8
        return fixed<uint64_t>();
      case 0x01:  // uleb128
        return leb128(false);
      case 0x02:  // udata2
        return fixed<uint16_t>();
      case 0x03:  // udata4
        return fixed<uint32_t>();
      case 0x09:  // sleb128
        return leb128(true);
      case 0x0a:  // sdata2
        return sign_extended(fixed<uint16_t>(), 16);
      case 0x0b:  // sdata4
        return sign_extended(fixed<uint32_t>(), 32);
      default:
        fail();
        return 0;
    }
  }

  void fail() {
    failed_ = true;
    at_ = end_;
  }

 private:
  static constexpr unsigned kMaxBits = 64;

  static uint64_t sign_extended(uint64_t value, unsigned bits) {
    const uint64_t sign = uint64_t{1} << (bits - 1);
    return (value ^ sign) - sign;
  }

  uint64_t leb128(bool is_signed) {
    uint64_t value = 0;
    unsigned shift = 0;
    uint8_t byte;
    do {
      byte = fixed<uint8_t>();
      if (shift >= kMaxBits) {
        fail();
        return 0;
      }
      value |= uint64_t{byte & 0x7FU} << shift;
      shift += 7;
    } while ((byte & 0x80U) != 0);
    return is_signed && shift < kMaxBits ? sign_extended(value, shift) : value;
  }

  uintptr_t at_ = 0;
  uintptr_t end_ = 0;
  bool failed_ = false;
};

}  // namespace heaptag::stack
