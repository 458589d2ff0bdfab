#include "core/base/utf8.h"

#include "core/base/text.h"

namespace heaptag {
namespace {

struct Lead {
  uint8_t length_bytes;    // of the whole character; 0: cannot start one
  uint8_t second_minimum;  // the second byte is what rules out overlong forms and surrogates
  uint8_t second_maximum;
};

Lead classify(uint8_t lead) {
  if (lead < 0x80) {
    return {1, 0, 0};
  }
  if (lead < 0xC2) {
    return {0, 0, 0};
  }
  if (lead < 0xE0) {
    return {2, 0x80, 0xBF};
  }
  if (lead < 0xF0) {
    return {3, uint8_t(lead == 0xE0 ? 0xA0 : 0x80), uint8_t(lead == 0xED ? 0x9F : 0xBF)};
  }
  if (lead < 0xF5) {
    return {4, uint8_t(lead == 0xF0 ? 0x90 : 0x80), uint8_t(lead == 0xF4 ? 0x8F : 0xBF)};
  }
  return {0, 0, 0};
}

}  // namespace

Utf8Char decode_utf8(std::string_view text) {
  if (text.empty()) {
    return {0, 0, false};
  }
  const uint8_t first = static_cast<uint8_t>(text[0]);
  const Lead lead = classify(first);
  if (lead.length_bytes <= 1) {
    return {first, 1, lead.length_bytes == 1};
  }
  uint32_t code_point = first & (0x7Fu >> lead.length_bytes);
  for (uint8_t i = 1; i < lead.length_bytes; ++i) {
    const uint8_t byte = i < text.size() ? static_cast<uint8_t>(text[i]) : 0;
    const uint8_t minimum = i == 1 ? lead.second_minimum : 0x80;
    const uint8_t maximum = i == 1 ? lead.second_maximum : 0xBF;
    if (byte < minimum || byte > maximum) {
      return {0, i, false};
    }
    code_point = code_point << 6 | (byte & 0x3Fu);
  }
  return {code_point, lead.length_bytes, true};
}

size_t count_columns(std::string_view text) {
  size_t columns = 0;
  while (!text.empty()) {
    text.remove_prefix(decode_utf8(text).length_bytes);
    ++columns;
  }
  return columns;
}

size_t bytes_of_columns(std::string_view text, size_t columns) {
  size_t length_bytes = 0;
  for (; columns > 0; --columns) {
    length_bytes += decode_utf8(drop_first(text, length_bytes)).length_bytes;
  }
  return length_bytes;
}

}  // namespace heaptag
