// Hand-made .eh_frame_hdr and .eh_frame in a block of exactly their size, so that AddressSanitizer
// guards both ends.
#pragma once

#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "core/stack/eh_frame.h"
#include "core/stack/row_program.h"
#include "tests/unit/stack/unwind_bytes.h"

namespace heaptag::stack::testing {

// Offsets from the header; nothing is there, nobody looks.
inline constexpr int64_t kCode = 0x2000;
inline constexpr uint64_t kCodeBytes = 0x1000;

/// Instructions. `set_loc` stands for DW_CFA_set_loc to an offset in the function.
struct Program {
  Program(Bytes before) : before_set_loc(std::move(before)) {}

  Program(std::initializer_list<uint8_t> before) : before_set_loc(before) {}

  Program(Bytes before, uint64_t to, Bytes after)
      : before_set_loc(std::move(before)),
        has_set_loc(true),
        set_loc(to),
        after_set_loc(std::move(after)) {}

  Bytes before_set_loc;
  bool has_set_loc = false;
  uint64_t set_loc = 0;
  Bytes after_set_loc = {};
};

struct Function {
  int64_t begin = kCode;
  uint64_t size_bytes = kCodeBytes;
  Program program = {};
};

/// What the header and the CIE say; as GNU tools write it by default.
struct ImageOptions {
  uint8_t header_version = 1;
  uint8_t frames_encoding = 0x1b;
  uint8_t count_encoding = 0x03;
  uint8_t table_encoding = 0x3b;
  uint8_t version = 1;
  std::string augmentation = "zR";
  uint8_t encoding = 0x1b;  // of the functions' pointers
  Bytes augmentation_data = {0x1b};
  uint64_t code_factor = 1;
  int64_t data_factor = -8;
  uint64_t return_register = 16;
  Bytes initial_program = {0x0c, 7, 8, 0x80 | 16, 1};  // CFA is rsp + 8, rip saved at CFA - 8
};

class Image {
 public:
  explicit Image(const std::vector<Function>& functions, const ImageOptions& options = {}) {
    // The bytes depend on where they will lie, their number does not.
    reset(Bytes(build(functions, options).size()));
    const Bytes bytes = build(functions, options);
    std::memcpy(data_.get(), bytes.data(), bytes.size());
  }

  explicit Image(const Bytes& bytes) { reset(bytes); }

  size_t size_bytes() const { return size_bytes_; }

  uint8_t& operator[](size_t offset) { return data_[offset]; }

  Bytes bytes() const { return Bytes(data_.get(), data_.get() + size_bytes_); }

  uintptr_t address(int64_t offset) const { return base() + static_cast<uintptr_t>(offset); }

  /// Where the FDEs begin, in their order.
  const std::vector<size_t>& entries() const { return entries_; }

  size_t common() const { return common_; }

  UnwindTables tables() const { return {base(), {base(), base() + size_bytes_}}; }

  /// The code of the function at an offset from the header, as offsets: "2000..3000", "-".
  std::string range_at(int64_t offset) const {
    FunctionEntry entry;
    if (!find_function_entry(tables(), address(offset), &entry)) {
      return "-";
    }
    char text[64];
    std::snprintf(text, sizeof text, "%zx..%zx", entry.begin - base(), entry.end - base());
    return text;
  }

  /// The row there: "rsp+16", "rbp+16 c-16", "-".
  std::string row_at(int64_t offset) const {
    FunctionEntry entry;
    FrameRow row;
    if (!find_function_entry(tables(), address(offset), &entry) ||
        !read_frame_row(entry, address(offset), &row)) {
      return "-";
    }
    std::string text = (row.cfa_from_rbp ? "rbp+" : "rsp+") + std::to_string(row.cfa_offset);
    if (row.rbp_saved_below != 0) {
      text += " c-" + std::to_string(row.rbp_saved_below);
    }
    return text;
  }

 private:
  uintptr_t base() const { return reinterpret_cast<uintptr_t>(data_.get()); }

  void reset(const Bytes& bytes) {
    size_bytes_ = bytes.size();
    data_.reset(new uint8_t[size_bytes_]);
    std::copy(bytes.begin(), bytes.end(), data_.get());
  }

  /// A pointer that will stand at `place`.
  Bytes pointer(uint8_t encoding, size_t place, int64_t target) const {
    const uint64_t from = (encoding & 0x70) == 0x10 ? base() + place : 0;
    return pointer_value(encoding, address(target) - from);
  }

  static Bytes record(const Bytes& content) {
    Bytes padded = content;
    while (padded.size() % 4 != 0) {
      padded.push_back(0);  // DW_CFA_nop
    }
    return fixed(static_cast<uint32_t>(padded.size())) + padded;
  }

  Bytes build(const std::vector<Function>& functions, const ImageOptions& options) {
    Bytes image = {options.header_version, options.frames_encoding, options.count_encoding,
                   options.table_encoding};
    const Bytes count = pointer_value(options.count_encoding, functions.size());
    const size_t frames_bytes = pointer_value(options.frames_encoding, 0).size();
    const size_t table = image.size() + frames_bytes + count.size();
    common_ = table + functions.size() * 8;
    image = image + pointer(options.frames_encoding, image.size(), static_cast<int64_t>(common_)) +
            count;
    image.resize(common_);
    append_common(&image, options);
    entries_.clear();
    for (const Function& function : functions) {
      const Bytes row =
          fixed(static_cast<int32_t>(function.begin)) + fixed(static_cast<int32_t>(image.size()));
      std::copy(row.begin(), row.end(),
                image.begin() + static_cast<long>(table + entries_.size() * 8));
      entries_.push_back(image.size());
      append_entry(&image, function, options);
    }
    return image;
  }

  void append_common(Bytes* image, const ImageOptions& options) const {
    Bytes content = fixed(uint32_t{0});
    content.push_back(options.version);
    content.insert(content.end(), options.augmentation.begin(), options.augmentation.end());
    content.push_back(0);
    content = content + uleb(options.code_factor) + sleb(options.data_factor);
    content = content + (options.version == 1 ? Bytes{static_cast<uint8_t>(options.return_register)}
                                              : uleb(options.return_register));
    if (!options.augmentation.empty()) {
      content = content + uleb(options.augmentation_data.size()) + options.augmentation_data;
    }
    *image = *image + record(content + options.initial_program);
  }

  void append_entry(Bytes* image, const Function& function, const ImageOptions& options) const {
    const size_t place = image->size() + 4;
    Bytes content = fixed(static_cast<uint32_t>(place - common_));
    content = content + pointer(options.encoding, place + content.size(), function.begin);
    content = content + pointer_value(options.encoding, function.size_bytes);
    if (!options.augmentation.empty()) {
      content.push_back(0);
    }
    const Program& program = function.program;
    content = content + program.before_set_loc;
    if (program.has_set_loc) {
      content.push_back(0x01);
      const int64_t target = function.begin + static_cast<int64_t>(program.set_loc);
      content = content + pointer(options.encoding, place + content.size(), target);
      content = content + program.after_set_loc;
    }
    *image = *image + record(content);
  }

  std::unique_ptr<uint8_t[]> data_;
  size_t size_bytes_ = 0;
  size_t common_ = 0;
  std::vector<size_t> entries_;
};

}  // namespace heaptag::stack::testing
