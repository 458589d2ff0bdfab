// The elementary values of .eh_frame, written.
#pragma once

#include <cstdint>
#include <cstring>
#include <vector>

namespace heaptag::stack::testing {

using Bytes = std::vector<uint8_t>;

inline Bytes operator+(Bytes left, const Bytes& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

template <class T>
Bytes fixed(T value) {
  Bytes bytes(sizeof value);
  std::memcpy(bytes.data(), &value, sizeof value);
  return bytes;
}

inline Bytes uleb(uint64_t value) {
  Bytes bytes;
  for (; value >= 0x80; value >>= 7) {
    bytes.push_back(static_cast<uint8_t>(value | 0x80));
  }
  bytes.push_back(static_cast<uint8_t>(value));
  return bytes;
}

inline Bytes sleb(int64_t value) {
  Bytes bytes;
  for (; value < -64 || value > 63; value >>= 7) {
    bytes.push_back(static_cast<uint8_t>(value | 0x80));
  }
  bytes.push_back(static_cast<uint8_t>(value & 0x7f));
  return bytes;
}

/// A value in one of the formats; those that have no length here give nothing.
inline Bytes pointer_value(uint8_t encoding, uint64_t value) {
  switch (encoding & 0x0f) {
    case 0x01:
      return uleb(value);
    case 0x09:
      return sleb(static_cast<int64_t>(value));
    case 0x02:
    case 0x0a:
      return fixed(static_cast<uint16_t>(value));
    case 0x03:
    case 0x0b:
      return fixed(static_cast<uint32_t>(value));
    case 0x00:
    case 0x04:
    case 0x0c:
      return fixed(value);
    default:
      return {};
  }
}

}  // namespace heaptag::stack::testing
