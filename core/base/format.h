// Numbers, sizes and durations as text, and the sinks that collect text in the caller's memory.
// Layer: core/base.  Allocates: no.  Signals: safe.
// Every function returns its text by value, so that nothing is shared and nothing is borrowed.
#pragma once

#include <cstdint>
#include <string_view>

#include "core/base/sink.h"
#include "core/base/types.h"

namespace heaptag {

/// Two hexadecimal digits for each byte, and NUL: `text` has room for 2 * count + 1.
void write_hex_bytes(const uint8_t* bytes, size_t count, char* text);

/// A short text on the caller's stack. What does not fit is dropped; no function below comes near.
class NumberText {
 public:
  static constexpr size_t kCapacity = 31;

  void append(char c) {
    if (length_ < kCapacity) {
      chars_[length_++] = c;
    }
  }

  void append(std::string_view text) {
    for (const char c : text) {
      append(c);
    }
  }

  size_t size() const { return length_; }

  /// Lends the text until the object changes or dies.
  std::string_view view() const { return {chars_, length_}; }

 private:
  char chars_[kCapacity] = {};
  uint8_t length_ = 0;
};

/// "1288"
NumberText format_decimal(uint64_t value);

/// "-3", for what the kernel may return negative.
NumberText format_signed(int64_t value);

/// "1,288"
NumberText format_grouped(uint64_t value);

/// "0x2b7c1"
NumberText format_hex(uint64_t value);

/// How exactly the sizes of one column are written: taken from its largest, so that a column reads
/// as one scale.
struct SizeStyle {
  uint8_t unit = 0;      // 0: bytes, then K, M, G, T
  uint8_t decimals = 0;  // of sizes in that unit; sizes in smaller units have one
};

/// The style of a column with this largest size: two decimals below 10 units (1.25M, 1.01G), else
/// one (64.0K, 401.5M), none for bytes.
SizeStyle size_style_for(uint64_t largest_bytes);

/// A size in powers of 1024, in the unit in which it is at least 1, rounded to the nearest. Three
/// or four digits are significant; below 1024 it is the integer.
NumberText format_size(uint64_t bytes, SizeStyle column);

/// A size that stands alone: format_size in a column of its own.
NumberText format_size(uint64_t bytes);

/// "0.6 ms", "412 ms", "12.4 s", "18m20s", "2h11m", "9d04h": rounded down, so that it never says
/// more than has passed.
NumberText format_duration(uint64_t duration_ns);

/// `part` of `whole` in percent with one decimal, "63.8"; "-" when there is no whole.
NumberText format_percent(uint64_t part, uint64_t whole);

/// Writes `text` and then spaces, up to `columns` in all. A longer text is written whole.
void put_padded_right(const Sink& out, std::string_view text, size_t columns);

/// Writes spaces and then `text`, `columns` in all. A longer text is written whole.
void put_padded_left(const Sink& out, std::string_view text, size_t columns);

/// "1,288 blocks", "1 block".
void put_counted(const Sink& out, uint64_t count, std::string_view noun);

void put_repeated(const Sink& out, char c, size_t count);

/// Writes text of unknown origin so that a terminal obeys none of it: control characters become
/// "?", bytes that are no UTF-8 become U+FFFD. The number of columns stays what count_columns says.
void put_printable(const Sink& out, std::string_view text);

/// Collects text in memory of the caller, always NUL-terminated. What does not fit is dropped, and
/// `truncated` says so. Borrows: the memory, for its lifetime.
class BufferSink {
 public:
  /// Pre: capacity_bytes >= 1.
  BufferSink(char* buffer, size_t capacity_bytes)
      : buffer_(buffer), capacity_bytes_(capacity_bytes) {
    buffer_[0] = '\0';
  }

  /// Valid for the lifetime of this object.
  Sink sink() { return {&BufferSink::write, this}; }

  std::string_view view() const { return {buffer_, length_}; }

  bool truncated() const { return truncated_; }

  void clear();

 private:
  static void write(void* context, const char* data, size_t size_bytes);

  char* buffer_;
  size_t capacity_bytes_;
  size_t length_ = 0;
  bool truncated_ = false;
};

/// Joins small pieces on their way to a sink whose every write is a system call. Borrows: `target`
/// and the memory behind it. Call flush at the end: there is no destructor that does.
class BufferedSink {
 public:
  explicit BufferedSink(const Sink& target) : target_(target) {}

  BufferedSink(const BufferedSink&) = delete;
  BufferedSink& operator=(const BufferedSink&) = delete;

  /// Valid for the lifetime of this object.
  Sink sink() { return {&BufferedSink::write, this}; }

  void flush();

 private:
  // A page: large against a line of text, small against the smallest of thread stacks (16 KiB).
  static constexpr size_t kCapacityBytes = 4096;

  static void write(void* context, const char* data, size_t size_bytes);

  Sink target_;
  size_t length_ = 0;
  char buffer_[kCapacityBytes];
};

}  // namespace heaptag
