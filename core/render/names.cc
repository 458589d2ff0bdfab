#include "core/render/names.h"

#include "core/base/format.h"
#include "core/base/text.h"

namespace heaptag::render {
namespace {

/// How much a name says. An owner goes one up for as long as another has the same name.
enum Detail : uint32_t {
  kFunctionOnly,
  kWithModule,
  kWithAddress,
  kWithPath,
  kWithIndex,
  // Only against a symbol that was made to look like one of our names: one more "#" each round.
  kLastDetail = kWithIndex + 8,
};

/// The longest that is added to the strings of a request: "!+0x@0x#" with two addresses, an index,
/// the extra marks, and NUL.
constexpr size_t kDecorationChars = 80;

bool is_known(const char* text) {
  return text != nullptr && text[0] != '\0';
}

size_t length_or_zero(const char* text) {
  return text == nullptr ? 0 : std::strlen(text);
}

size_t slot_count(size_t owner_count) {
  size_t slots = 16;
  while (slots < owner_count * 2) {
    slots *= 2;
  }
  return slots;
}

void write_name(const NameRequest& owner, uint32_t detail, size_t index, const Sink& out) {
  const char* module = detail >= kWithPath ? owner.module : base_name(owner.module);
  if (is_known(owner.given)) {
    out.put(owner.given);
    return;
  }
  if (is_known(owner.function) && detail == kFunctionOnly) {
    out.put(owner.function);
    return;
  }
  if (is_known(owner.function)) {
    if (is_known(module)) {
      out.put(module);
      out.put_char('!');
    }
    out.put(owner.function);
    out.put_char('+');
    out.put(format_hex(owner.function_offset).view());
    if (detail >= kWithAddress) {
      out.put_char('@');
      out.put(format_hex(owner.offset).view());
    }
  } else {
    if (is_known(module)) {
      out.put(module);
      out.put_char('+');
    }
    out.put(format_hex(owner.offset).view());
  }
  if (detail >= kWithIndex) {
    put_repeated(out, '#', detail - kWithIndex + 1);
    out.put(format_decimal(index + 1).view());
  }
}

/// FNV-1a: short texts, no key to keep secret; a flood of collisions would only cost time.
uint32_t hash_of(std::string_view text) {
  uint64_t hash = 0xCBF29CE484222325;
  for (const char c : text) {
    hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001B3;
  }
  return static_cast<uint32_t>(hash ^ hash >> 32);
}

/// One attempt: all names at their current detail, and which of them are alike.
class Round {
 public:
  Round(std::span<const NameRequest> owners,
        std::span<const char*> names,
        std::span<uint32_t> slots,
        std::span<char> chars)
      : owners_(owners), names_(names), slots_(slots), chars_(chars) {
    std::memset(slots_.data(), 0, slots_.size_bytes());
  }

  /// Writes one name. Returns the index of an earlier owner that has the same, or `index`.
  size_t add(size_t index, uint32_t detail) {
    BufferSink text(chars_.data() + used_, chars_.size() - used_);
    write_name(owners_[index], detail, index, text.sink());
    names_[index] = chars_.data() + used_;
    used_ += text.view().size() + 1;

    const size_t mask = slots_.size() - 1;
    size_t slot = hash_of(text.view()) & mask;
    for (; slots_[slot] != 0; slot = (slot + 1) & mask) {
      const size_t other = slots_[slot] - 1;
      if (text.view() == names_[other]) {
        return other;
      }
    }
    slots_[slot] = static_cast<uint32_t>(index + 1);
    return index;
  }

 private:
  std::span<const NameRequest> owners_;
  std::span<const char*> names_;
  std::span<uint32_t> slots_;  // index + 1 of an owner by its name; 0: empty
  std::span<char> chars_;
  size_t used_ = 0;
};

// The state of an owner between rounds: its detail, and whether this round found it alike.
constexpr uint32_t kIsAlike = 1u << 31;

bool raise_details(std::span<const NameRequest> owners, std::span<uint32_t> details) {
  bool raised = false;
  for (size_t i = 0; i < owners.size(); ++i) {
    const bool is_alike = (details[i] & kIsAlike) != 0;
    details[i] &= ~kIsAlike;
    if (is_alike && !is_known(owners[i].given) && details[i] < kLastDetail) {
      ++details[i];
      raised = true;
    }
  }
  return raised;
}

}  // namespace

size_t name_scratch_words(size_t owner_count) {
  return slot_count(owner_count) + owner_count;
}

size_t name_chars(std::span<const NameRequest> owners) {
  size_t chars = 0;
  for (const NameRequest& owner : owners) {
    chars += length_or_zero(owner.given) + length_or_zero(owner.function) +
             length_or_zero(owner.module) + kDecorationChars;
  }
  return chars;
}

bool name_owners(std::span<const NameRequest> owners,
                 std::span<const char*> names,
                 std::span<uint32_t> scratch,
                 std::span<char> chars) {
  if (names.size() < owners.size() || scratch.size() < name_scratch_words(owners.size()) ||
      chars.size() < name_chars(owners)) {
    for (const char*& name : names) {
      name = nullptr;
    }
    return false;
  }
  const std::span<uint32_t> details = scratch.first(owners.size());
  const std::span<uint32_t> slots = scratch.subspan(owners.size(), slot_count(owners.size()));
  for (uint32_t& detail : details) {
    detail = kFunctionOnly;
  }
  do {
    Round round(owners, names, slots, chars);
    for (size_t i = 0; i < owners.size(); ++i) {
      const size_t other = round.add(i, details[i]);
      if (other != i) {
        details[i] |= kIsAlike;
        details[other] |= kIsAlike;
      }
    }
  } while (raise_details(owners, details));
  return true;
}

}  // namespace heaptag::render
