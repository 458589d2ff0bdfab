#include "core/render/error_bytes.h"

#include "core/base/text.h"
#include "core/render/error_kinds.h"

namespace heaptag::render {
namespace {

constexpr size_t kRowBytes = 16;
constexpr size_t kGroupBytes = 8;
constexpr size_t kMostBytes = 4 * kRowBytes;
constexpr size_t kWordBytes = sizeof(uint64_t);

/// Offsets may be anything: whoever damages memory may have written them.
int64_t moved(int64_t offset, size_t by_bytes) {
  return static_cast<int64_t>(static_cast<uint64_t>(offset) + by_bytes);
}

bool is_hex_digit(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

unsigned value_of(char digit) {
  return static_cast<unsigned>(digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10);
}

/// Bytes as a text of hexadecimal digits; none when it is something else.
class HexBytes {
 public:
  HexBytes() = default;

  explicit HexBytes(const char* text) : digits_(text == nullptr ? "" : text) {
    bool is_hex = digits_.size() % 2 == 0;
    for (const char c : digits_) {
      is_hex = is_hex && is_hex_digit(c);
    }
    if (!is_hex) {
      digits_ = {};
    }
  }

  size_t size() const { return digits_.size() / 2; }

  std::string_view operator[](size_t i) const { return take_first(drop_first(digits_, 2 * i), 2); }

  HexBytes first(size_t count) const { return from(take_first(digits_, 2 * count)); }

  HexBytes last(size_t count) const {
    return from(size() <= count ? digits_ : drop_first(digits_, digits_.size() - 2 * count));
  }

 private:
  static HexBytes from(std::string_view digits) {
    HexBytes bytes;
    bytes.digits_ = digits;
    return bytes;
  }

  std::string_view digits_;
};

/// The bytes of a block around those that are wrong, as one row of them after the other.
class Surroundings {
 public:
  explicit Surroundings(const Error& error)
      : before_(HexBytes(error.before).last(kRowBytes)),
        expected_(error.expected),
        found_(error.found),
        begin_(moved(error.offset, -before_.size())) {
    // With some of the wrong bytes left out, those behind the last do not follow here.
    if (error.length <= found_.size()) {
      after_ = HexBytes(error.after).first(kRowBytes);
    }
    const size_t all = before_.size() + found_.size() + after_.size();
    shown_ = all < kMostBytes ? all : kMostBytes;
  }

  bool is_empty() const { return found_.size() == 0; }

  bool knows_expected() const { return expected_.size() == found_.size(); }

  /// Offset in the block.
  int64_t begin() const { return begin_; }

  size_t shown() const { return shown_; }

  size_t first_wrong() const { return before_.size(); }

  size_t end_wrong() const {
    const size_t end = before_.size() + found_.size();
    return end < shown_ ? end : shown_;
  }

  std::string_view byte(size_t i, bool as_expected) const {
    if (i < before_.size()) {
      return before_[i];
    }
    i -= before_.size();
    return i < found_.size() ? (as_expected ? expected_[i] : found_[i]) : after_[i - found_.size()];
  }

  /// The aligned word that the first wrong byte is in, as it is now. False when a part of it is
  /// not known.
  bool read_word(uint64_t* word) const {
    const size_t into_word = static_cast<size_t>(moved(begin_, before_.size())) % kWordBytes;
    const size_t start = before_.size() - into_word;
    if (into_word > before_.size() || start + kWordBytes > shown_) {
      return false;
    }
    *word = 0;
    for (size_t i = kWordBytes; i > 0; --i) {
      const std::string_view digits = byte(start + i - 1, false);
      *word = *word << 8 | value_of(digits[0]) << 4 | value_of(digits[1]);
    }
    return true;
  }

 private:
  HexBytes before_;
  HexBytes expected_;
  HexBytes found_;
  HexBytes after_;
  int64_t begin_;
  size_t shown_ = 0;
};

void write_cells(const Surroundings& bytes, size_t row, bool as_expected, const Sink& out) {
  const size_t row_end = row + kRowBytes < bytes.shown() ? row + kRowBytes : bytes.shown();
  const auto is_wrong = [&](size_t i) {
    return !as_expected && i >= bytes.first_wrong() && i < bytes.end_wrong();
  };
  for (size_t i = row; i < row_end; ++i) {
    const bool opens = is_wrong(i) && (i == row || !is_wrong(i - 1));
    const bool closes = i > row && is_wrong(i - 1) && !is_wrong(i);
    const bool begins_group = i > row && (i - row) % kGroupBytes == 0;
    if (begins_group) {
      out.put(closes ? "] " : "  ");
    }
    out.put_char(opens ? '[' : closes && !begins_group ? ']' : ' ');
    out.put(bytes.byte(i, as_expected));
  }
  out.put(is_wrong(row_end - 1) ? "]" : "");
}

NumberText format_offset(int64_t offset) {
  NumberText text;
  if (offset >= 0) {
    text.append('+');
  }
  text.append(format_signed(offset).view());
  return text;
}

/// The lines of all rows. `label` is of what was expected.
void write_rows(const Surroundings& bytes, std::string_view label, const ErrorLines& lines) {
  const auto offset_of = [&](size_t row) { return format_offset(moved(bytes.begin(), row)); };
  constexpr std::string_view kNow = "now";
  const size_t label_columns = bytes.knows_expected() ? label.size() : kNow.size();
  const size_t first_columns = offset_of(0).size();
  const size_t last_columns = offset_of((bytes.shown() - 1) / kRowBytes * kRowBytes).size();
  const size_t offset_columns = first_columns > last_columns ? first_columns : last_columns;
  for (size_t row = 0; row < bytes.shown(); row += kRowBytes) {
    NumberText offset = offset_of(row);
    for (const bool as_expected : {true, false}) {
      if (as_expected && !bytes.knows_expected()) {
        continue;
      }
      const Sink& out = lines.begin();
      out.put("  ");
      put_padded_right(out, offset.view(), offset_columns);
      out.put("  ");
      put_padded_right(out, as_expected ? label : kNow, label_columns);
      out.put(" ");
      write_cells(bytes, row, as_expected, out);
      lines.end();
      offset = {};  // once for both lines
    }
  }
}

}  // namespace

void write_error_bytes(const Error& error, const ErrorLines& lines) {
  if (error_kind(error).evidence != Evidence::kBytes) {
    return;
  }
  const Surroundings bytes(error);
  if (bytes.is_empty()) {
    return;
  }
  const std::string_view label =
      error_kind(error).culprit == Culprit::kFreer ? "at free" : "expected";
  write_rows(bytes, label, lines);
  if (const size_t wrong = bytes.end_wrong() - bytes.first_wrong(); error.length > wrong) {
    lines.begin().put("  and ");
    put_counted(lines.sink(), error.length - wrong, "byte");
    lines.sink().put(" more");
    lines.end();
  }
  if (error.value_is != nullptr) {
    const Sink& out = lines.begin();
    uint64_t word = 0;
    out.put("  new value ");
    if (bytes.read_word(&word)) {
      out.put(format_hex(word).view());
      out.put_char(' ');
    }
    out.put("= ");
    put_printable(out, error.value_is);
    lines.end();
  }
}

}  // namespace heaptag::render
