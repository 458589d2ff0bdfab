// A text that sanitizers guard.
#pragma once

#include <algorithm>
#include <memory>
#include <string_view>

namespace heaptag::fuzz {

/// The text in memory of exactly its size, so that the sanitizer sees what is read beyond it.
class ExactText {
 public:
  explicit ExactText(std::string_view text) : bytes_(new char[text.size()]), size_(text.size()) {
    std::copy(text.begin(), text.end(), bytes_.get());
  }

  std::string_view view() const { return {bytes_.get(), size_}; }

  bool has(std::string_view piece) const {
    return piece.data() >= bytes_.get() && piece.data() + piece.size() <= bytes_.get() + size_;
  }

 private:
  std::unique_ptr<char[]> bytes_;
  size_t size_;
};

}  // namespace heaptag::fuzz
