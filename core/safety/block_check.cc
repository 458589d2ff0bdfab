#include "core/safety/block_check.h"

#include <cstring>

#include "core/safety/checksum.h"

namespace heaptag::safety {

namespace {

// Eight different bytes, none of them likely to be written by accident; which of them belongs where
// depends on the address alone.
constexpr uint64_t kPattern = 0xC6F5B9EAD3A79CE5;
constexpr unsigned kWordBytes = 8;

uint64_t pattern_at(uintptr_t address) {
  const unsigned shift = address % kWordBytes * 8;
  return shift == 0 ? kPattern : kPattern >> shift | kPattern << (64 - shift);
}

void fill(char* from, const char* to) {
  const uint64_t word = pattern_at(reinterpret_cast<uintptr_t>(from));
  while (from + kWordBytes <= to) {
    std::memcpy(from, &word, kWordBytes);
    from += kWordBytes;
  }
  std::memcpy(from, &word, static_cast<size_t>(to - from));
}

// The first byte in [from, to) that is not of the pattern; `to` when all are.
const char* find_other(const char* from, const char* to) {
  const uint64_t expected = pattern_at(reinterpret_cast<uintptr_t>(from));
  for (; from + kWordBytes <= to; from += kWordBytes) {
    uint64_t word;
    std::memcpy(&word, from, kWordBytes);
    if (word != expected) {
      return from + __builtin_ctzl(word ^ expected) / 8;
    }
  }
  while (from != to &&
         static_cast<uint8_t>(*from) == redzone_byte(reinterpret_cast<uintptr_t>(from))) {
    ++from;
  }
  return from;
}

// The last one. Pre: there is one.
const char* find_last_other(const char* from, const char* to) {
  while (to != from &&
         static_cast<uint8_t>(to[-1]) == redzone_byte(reinterpret_cast<uintptr_t>(to - 1))) {
    --to;
  }
  return to - 1;
}

// The search takes a third of a second at this size.
constexpr size_t kLargestSearched = size_t{1} << 20;

Damage find_single_change(const CheckedBlock& block) {
  size_t offset = 0;
  uint8_t was = 0;
  // Redzones and the rest of the last page included.
  if (block.bytes > kLargestSearched + kLargestSearched / 8 ||
      !find_changed_byte(block.base, block.bytes, block.record->checksum, &offset, &was)) {
    return {};
  }
  return {static_cast<int64_t>(offset) - static_cast<int64_t>(block.front), 1, was};
}

}  // namespace

uint8_t redzone_byte(uintptr_t address) {
  return static_cast<uint8_t>(kPattern >> address % kWordBytes * 8);
}

void fill_redzones(const CheckedBlock& block) {
  fill(block.base, block.user());
  fill(block.user() + block.requested, block.base + block.bytes);
}

bool find_redzone_damage(const CheckedBlock& block, Damage* damage) {
  const char* user = block.user();
  const char* ends[][2] = {{user + block.requested, block.base + block.bytes}, {block.base, user}};
  for (const auto& [from, to] : ends) {
    const char* first = find_other(from, to);
    if (first != to) {
      damage->offset = first - user;
      damage->length = static_cast<size_t>(find_last_other(first, to) - first) + 1;
      return true;
    }
  }
  return false;
}

void seal(const CheckedBlock& block) {
  block.record->checksum = checksum(block.base, block.bytes);
  keep_content(block);
}

bool is_intact(const CheckedBlock& block) {
  return checksum(block.base, block.bytes) == block.record->checksum;
}

Damage find_change(const CheckedBlock& block) {
  if (block.kept == nullptr) {
    return find_single_change(block);
  }
  size_t first = 0;
  const auto* now = reinterpret_cast<const uint8_t*>(block.base);
  while (first < block.bytes && now[first] == block.kept[first]) {
    ++first;
  }
  if (first == block.bytes) {
    return {};
  }
  size_t end = block.bytes;
  while (now[end - 1] == block.kept[end - 1]) {
    --end;
  }
  return {static_cast<int64_t>(first) - static_cast<int64_t>(block.front), end - first};
}

}  // namespace heaptag::safety
