// Natural numbers of any length for the workload cfrac: every result is a block of its own, of 8 to
// some 40 bytes, which mostly dies in the next line.
#pragma once

#include <utility>

#include "bench/micro/micro.h"

namespace bench {

class Number {
 public:
  Number() = default;

  explicit Number(uint64_t value) : Number(Room{2}) {
    digits()[0] = static_cast<uint32_t>(value);
    digits()[1] = static_cast<uint32_t>(value >> 32);
    trim();
  }

  Number(Number&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}

  Number& operator=(Number&& other) noexcept {
    std::swap(block_, other.block_);
    return *this;
  }

  Number(const Number& other) : Number(Room{other.length()}) {
    if (!other.is_zero()) {
      std::memcpy(digits(), other.digits(), length() * sizeof(uint32_t));
    }
  }

  Number& operator=(const Number& other) {
    Number copy(other);
    std::swap(block_, copy.block_);
    return *this;
  }

  ~Number() { std::free(block_); }

  bool is_zero() const { return length() == 0; }

  bool is_one() const { return length() == 1 && digits()[0] == 1; }

  uint64_t low() const {
    const uint64_t high = length() > 1 ? digits()[1] : 0;
    return is_zero() ? 0 : high << 32 | digits()[0];
  }

  uint32_t modulo(uint32_t divisor) const {
    uint64_t rest = 0;
    for (uint32_t i = length(); i-- > 0;) {
      rest = (rest << 32 | digits()[i]) % divisor;
    }
    return static_cast<uint32_t>(rest);
  }

  friend int compare(const Number& a, const Number& b) {
    if (a.length() != b.length()) {
      return a.length() < b.length() ? -1 : 1;
    }
    for (uint32_t i = a.length(); i-- > 0;) {
      if (a.digits()[i] != b.digits()[i]) {
        return a.digits()[i] < b.digits()[i] ? -1 : 1;
      }
    }
    return 0;
  }

  friend Number operator+(const Number& a, const Number& b) {
    const uint32_t longer = a.length() > b.length() ? a.length() : b.length();
    Number sum(Room{longer + 1});
    uint64_t carry = 0;
    for (uint32_t i = 0; i <= longer; ++i) {
      carry += uint64_t{a.digit(i)} + b.digit(i);
      sum.digits()[i] = static_cast<uint32_t>(carry);
      carry >>= 32;
    }
    sum.trim();
    return sum;
  }

  /// Pre: a ≥ b.
  friend Number operator-(const Number& a, const Number& b) {
    Number difference(Room{a.length()});
    uint64_t borrow = 0;
    for (uint32_t i = 0; i < a.length(); ++i) {
      const uint64_t digit = uint64_t{a.digit(i)} - b.digit(i) - borrow;
      difference.digits()[i] = static_cast<uint32_t>(digit);
      borrow = digit >> 63;
    }
    difference.trim();
    return difference;
  }

  friend Number operator*(const Number& a, const Number& b) {
    Number product(Room{a.length() + b.length()});
    std::memset(product.digits(), 0, product.length() * sizeof(uint32_t));
    for (uint32_t i = 0; i < a.length(); ++i) {
      uint64_t carry = 0;
      for (uint32_t j = 0; j < b.length(); ++j) {
        carry += uint64_t{a.digits()[i]} * b.digits()[j] + product.digits()[i + j];
        product.digits()[i + j] = static_cast<uint32_t>(carry);
        carry >>= 32;
      }
      product.digits()[i + b.length()] = static_cast<uint32_t>(carry);
    }
    product.trim();
    return product;
  }

  friend Number operator/(const Number& a, const Number& b) {
    Number rest;
    return divide(a, b, rest);
  }

  friend Number operator%(const Number& a, const Number& b) {
    Number rest;
    divide(a, b, rest);
    return rest;
  }

 private:
  struct Room {
    uint32_t digits;
  };

  // The block: its length, then the digits, the lowest first, without leading zeros.
  explicit Number(Room room)
      : block_(static_cast<uint32_t*>(must_malloc((room.digits + 1) * sizeof(uint32_t)))) {
    block_[0] = room.digits;
  }

  uint32_t length() const { return block_ == nullptr ? 0 : block_[0]; }

  uint32_t* digits() { return block_ + 1; }

  const uint32_t* digits() const { return block_ + 1; }

  uint32_t digit(uint32_t at) const { return at < length() ? digits()[at] : 0; }

  void trim() {
    while (block_[0] > 0 && block_[block_[0]] == 0) {
      --block_[0];
    }
  }

  Number shifted(uint32_t bits, uint32_t digits_wanted) const {
    Number result(Room{digits_wanted});
    for (uint32_t i = 0; i < digits_wanted; ++i) {
      const uint64_t below = i > 0 ? digit(i - 1) : 0;
      result.digits()[i] = static_cast<uint32_t>((uint64_t{digit(i)} << 32 | below) << bits >> 32);
    }
    return result;
  }

  // Long division as in Knuth, The Art of Computer Programming, 4.3.1, algorithm D.
  friend Number divide(const Number& a, const Number& b, Number& rest) {
    if (compare(a, b) < 0) {
      rest = a;
      return Number(0);
    }
    const uint32_t n = b.length();
    const uint32_t m = a.length() - n;
    const auto shift = static_cast<uint32_t>(__builtin_clz(b.digits()[n - 1]));
    const Number v = b.shifted(shift, n);
    Number u = a.shifted(shift, a.length() + 1);
    Number quotient(Room{m + 1});
    const uint64_t top = v.digits()[n - 1];
    for (uint32_t j = m + 1; j-- > 0;) {
      uint32_t* part = u.digits() + j;
      const uint64_t two = uint64_t{part[n]} << 32 | part[n - 1];
      uint64_t guess = two / top;
      uint64_t left = two % top;
      while (guess >> 32 != 0 ||
             (n > 1 && guess * v.digits()[n - 2] > (left << 32 | part[n - 2]))) {
        --guess;
        left += top;
        if (left >> 32 != 0) {
          break;
        }
      }
      uint64_t carry = 0;
      uint64_t borrow = 0;
      for (uint32_t i = 0; i <= n; ++i) {
        carry += guess * v.digit(i);
        const uint64_t digit = uint64_t{part[i]} - static_cast<uint32_t>(carry) - borrow;
        part[i] = static_cast<uint32_t>(digit);
        borrow = digit >> 63;
        carry >>= 32;
      }
      if (borrow != 0) {  // one too many: give one back
        --guess;
        carry = 0;
        for (uint32_t i = 0; i <= n; ++i) {
          carry += uint64_t{part[i]} + v.digit(i);
          part[i] = static_cast<uint32_t>(carry);
          carry >>= 32;
        }
      }
      quotient.digits()[j] = static_cast<uint32_t>(guess);
    }
    quotient.trim();
    Number remainder(Room{n});
    for (uint32_t i = 0; i < n; ++i) {
      const uint64_t above = u.digit(i + 1);
      remainder.digits()[i] = static_cast<uint32_t>((above << 32 | u.digit(i)) >> shift);
    }
    remainder.trim();
    rest = std::move(remainder);
    return quotient;
  }

  uint32_t* block_ = nullptr;
};

}  // namespace bench
