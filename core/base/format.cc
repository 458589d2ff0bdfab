#include "core/base/format.h"

#include "core/base/text.h"
#include "core/base/utf8.h"

namespace heaptag {
namespace {

constexpr char kUnits[] = {'\0', 'K', 'M', 'G', 'T'};
constexpr uint8_t kLargestUnit = 4;
constexpr uint64_t kPowersOfTen[] = {1, 10, 100};

/// Writes digits from the least significant one, with a separator after every `group` (0: none).
NumberText format_digits(uint64_t value, unsigned base, unsigned group, std::string_view prefix) {
  char reversed[NumberText::kCapacity];
  size_t length = 0;
  unsigned digits = 0;
  do {
    if (group != 0 && digits != 0 && digits % group == 0) {
      reversed[length++] = ',';
    }
    reversed[length++] = "0123456789abcdef"[value % base];
    value /= base;
    ++digits;
  } while (value != 0);

  NumberText text;
  text.append(prefix);
  while (length > 0) {
    text.append(reversed[--length]);
  }
  return text;
}

void append_fixed(NumberText* text, uint64_t scaled, uint8_t decimals) {
  text->append(format_grouped(scaled / kPowersOfTen[decimals]).view());
  if (decimals == 0) {
    return;
  }
  text->append('.');
  if (decimals == 2) {
    text->append(static_cast<char>('0' + scaled / 10 % 10));
  }
  text->append(static_cast<char>('0' + scaled % 10));
}

void append_two_digits(NumberText* text, uint64_t value) {
  text->append(static_cast<char>('0' + value / 10 % 10));
  text->append(static_cast<char>('0' + value % 10));
}

uint8_t unit_of(uint64_t bytes) {
  uint8_t unit = 0;
  while (unit < kLargestUnit && bytes >> (10 * (unit + 1)) != 0) {
    ++unit;
  }
  return unit;
}

/// bytes / 1024^unit * 10^decimals, rounded to the nearest. Whole and fraction are scaled apart,
/// because the product of the sum would overflow.
uint64_t scale(uint64_t bytes, uint8_t unit, uint8_t decimals) {
  const unsigned shift = 10u * unit;
  const uint64_t factor = kPowersOfTen[decimals];
  const uint64_t fraction = bytes & ((uint64_t{1} << shift) - 1);
  const uint64_t half = shift == 0 ? 0 : uint64_t{1} << (shift - 1);
  return (bytes >> shift) * factor + ((fraction * factor + half) >> shift);
}

/// 1023.97K is shown as 1.00M.
bool rounds_to_next_unit(uint64_t bytes, uint8_t unit, uint8_t decimals) {
  return unit != 0 && unit < kLargestUnit &&
         scale(bytes, unit, decimals) >= 1024 * kPowersOfTen[decimals];
}

uint8_t decimals_for(uint64_t bytes, uint8_t unit) {
  if (unit == 0) {
    return 0;
  }
  return scale(bytes, unit, 2) < 1000 ? 2 : 1;
}

}  // namespace

NumberText format_decimal(uint64_t value) {
  return format_digits(value, 10, 0, {});
}

NumberText format_signed(int64_t value) {
  if (value >= 0) {
    return format_digits(static_cast<uint64_t>(value), 10, 0, {});
  }
  return format_digits(0 - static_cast<uint64_t>(value), 10, 0, "-");
}

NumberText format_grouped(uint64_t value) {
  return format_digits(value, 10, 3, {});
}

NumberText format_hex(uint64_t value) {
  return format_digits(value, 16, 0, "0x");
}

SizeStyle size_style_for(uint64_t largest_bytes) {
  uint8_t unit = unit_of(largest_bytes);
  if (rounds_to_next_unit(largest_bytes, unit, 1)) {
    ++unit;
  }
  return {unit, decimals_for(largest_bytes, unit)};
}

NumberText format_size(uint64_t bytes, SizeStyle column) {
  const auto decimals_in = [&](uint8_t unit) -> uint8_t {
    if (unit == column.unit) {
      return column.decimals;
    }
    // Larger than the column was told to expect: as if it stood alone.
    return unit < column.unit ? uint8_t(unit == 0 ? 0 : 1) : decimals_for(bytes, unit);
  };
  uint8_t unit = unit_of(bytes);
  if (rounds_to_next_unit(bytes, unit, decimals_in(unit))) {
    ++unit;
  }
  const uint8_t decimals = decimals_in(unit);
  NumberText text;
  append_fixed(&text, scale(bytes, unit, decimals), decimals);
  if (unit != 0) {
    text.append(kUnits[unit]);
  }
  return text;
}

NumberText format_size(uint64_t bytes) {
  return format_size(bytes, size_style_for(bytes));
}

NumberText format_duration(uint64_t duration_ns) {
  const uint64_t tenths_of_ms = duration_ns / 100'000;
  const uint64_t tenths_of_s = duration_ns / 100'000'000;
  const uint64_t minutes = duration_ns / 60'000'000'000;
  NumberText text;
  if (tenths_of_ms < 100) {
    append_fixed(&text, tenths_of_ms, 1);
    text.append(" ms");
  } else if (tenths_of_ms < 10'000) {
    append_fixed(&text, tenths_of_ms / 10, 0);
    text.append(" ms");
  } else if (tenths_of_s < 10'000) {
    append_fixed(&text, tenths_of_s, 1);
    text.append(" s");
  } else if (minutes < 60) {
    append_fixed(&text, minutes, 0);
    text.append('m');
    append_two_digits(&text, tenths_of_s / 10 % 60);
    text.append('s');
  } else if (minutes < 24 * 60) {
    append_fixed(&text, minutes / 60, 0);
    text.append('h');
    append_two_digits(&text, minutes % 60);
    text.append('m');
  } else {
    append_fixed(&text, minutes / (24 * 60), 0);
    text.append('d');
    append_two_digits(&text, minutes / 60 % 24);
    text.append('h');
  }
  return text;
}

NumberText format_percent(uint64_t part, uint64_t whole) {
  NumberText text;
  if (whole == 0) {
    text.append('-');
    return text;
  }
  // Room for the factor: what is shifted out is far below a tenth of a percent.
  while (part >> 52 != 0 || whole >> 52 != 0) {
    part >>= 1;
    whole >>= 1;
  }
  whole += whole == 0;
  append_fixed(&text, (part * 1000 + whole / 2) / whole, 1);
  return text;
}

void put_counted(const Sink& out, uint64_t count, std::string_view noun) {
  out.put(format_grouped(count).view());
  out.put_char(' ');
  out.put(noun);
  out.put(count == 1 ? "" : "s");
}

void put_repeated(const Sink& out, char c, size_t count) {
  char block[32];
  std::memset(block, c, sizeof block);
  while (count > 0) {
    const size_t piece = count < sizeof block ? count : sizeof block;
    out.put({block, piece});
    count -= piece;
  }
}

void put_padded_right(const Sink& out, std::string_view text, size_t columns) {
  const size_t used = count_columns(text);
  put_printable(out, text);
  put_repeated(out, ' ', columns > used ? columns - used : 0);
}

void put_padded_left(const Sink& out, std::string_view text, size_t columns) {
  const size_t used = count_columns(text);
  put_repeated(out, ' ', columns > used ? columns - used : 0);
  put_printable(out, text);
}

void put_printable(const Sink& out, std::string_view text) {
  size_t clean = 0;  // bytes that can be passed on as they are
  while (clean < text.size()) {
    const Utf8Char next = decode_utf8(drop_first(text, clean));
    const bool is_control =
        next.code_point < 0x20 || (next.code_point >= 0x7F && next.code_point < 0xA0);
    if (next.valid && !is_control) {
      clean += next.length_bytes;
      continue;
    }
    out.put(take_first(text, clean));
    out.put(next.valid ? "?" : kReplacement);
    text.remove_prefix(clean + next.length_bytes);
    clean = 0;
  }
  if (!text.empty()) {
    out.put(text);
  }
}

void BufferSink::clear() {
  length_ = 0;
  truncated_ = false;
  buffer_[0] = '\0';
}

void BufferSink::write(void* context, const char* data, size_t size_bytes) {
  auto* self = static_cast<BufferSink*>(context);
  const size_t room = self->capacity_bytes_ - 1 - self->length_;
  const size_t taken = size_bytes < room ? size_bytes : room;
  self->truncated_ |= taken < size_bytes;
  if (taken != 0) {
    std::memcpy(self->buffer_ + self->length_, data, taken);
    self->length_ += taken;
    self->buffer_[self->length_] = '\0';
  }
}

void BufferedSink::flush() {
  if (length_ != 0) {
    target_.write(target_.context, buffer_, length_);
    length_ = 0;
  }
}

void BufferedSink::write(void* context, const char* data, size_t size_bytes) {
  auto* self = static_cast<BufferedSink*>(context);
  if (size_bytes > kCapacityBytes - self->length_) {
    self->flush();
  }
  if (size_bytes > kCapacityBytes) {
    self->target_.write(self->target_.context, data, size_bytes);
    return;
  }
  if (size_bytes != 0) {
    std::memcpy(self->buffer_ + self->length_, data, size_bytes);
    self->length_ += size_bytes;
  }
}

void write_hex_bytes(const uint8_t* bytes, size_t count, char* text) {
  for (size_t i = 0; i < count; ++i) {
    *text++ = "0123456789abcdef"[bytes[i] >> 4];
    *text++ = "0123456789abcdef"[bytes[i] & 15];
  }
  *text = '\0';
}

}  // namespace heaptag
