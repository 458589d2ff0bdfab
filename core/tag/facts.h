// What is known of an address that malloc was called from, in one word, and who owns the blocks of
// a (site, tag) pair, in another: one table, read without a lock on every slow path and by every
// call that has an allocation wrapper as its caller.
// Layer: core/tag.  Locks: writers hold the owner table's.
#pragma once

#include "core/base/counter.h"
#include "core/base/types.h"
#include "core/base/units.h"
#include "core/stack/frame_rows.h"

namespace heaptag::tag {

/// Low 48 bits by kind: the owner; the address of Candidates; a packed stack::FrameRow.
class Facts {
 public:
  constexpr Facts() = default;

  constexpr explicit Facts(uint64_t word) : word_(word) {}

  static Facts of_owner(OwnerId owner) { return Facts(kOwner | index_of(owner)); }

  static Facts of_candidates(const void* candidates) {
    return Facts(kConditional | reinterpret_cast<uintptr_t>(candidates));
  }

  static Facts of_wrapper(const stack::FrameRow& row) {
    const bool is_plain =
        !row.cfa_from_rbp && row.cfa_offset < kPlainEnd && row.rbp_saved_below < kPlainEnd;
    return Facts(kWrapper |
                 (is_plain ? kPlainRow | row.cfa_offset | uint64_t{row.rbp_saved_below} << kRowBits
                           : row.pack()));
  }

  /// A wrapper that wrappers call: to look at its caller's slot first would be in vain. A hint: set
  /// without a lock, and without a meaning for what is no wrapper.
  bool is_called_by_wrappers() const { return (word_ & kNested) != 0; }

  /// A wrapper only because it has no symbol, in a module where such functions are.
  Facts nameless() const { return Facts(word_ | kNameless); }

  /// The site lies in a function that calls whatever it is given (is_dispatcher).
  Facts in_dispatcher() const { return Facts(word_ | kInDispatcher); }

  bool is_known() const { return word_ != 0; }

  bool is_nameless() const { return (word_ & kNameless) != 0; }

  bool is_in_dispatcher() const { return (word_ & kInDispatcher) != 0; }

  /// Its caller is to blame.
  bool is_wrapper() const { return (word_ & kWrapper) != 0; }

  /// It may be charged itself.
  bool is_site() const { return (word_ & (kOwner | kConditional)) != 0; }

  /// Every block of the site has this owner.
  bool is_owner() const { return (word_ & kOwner) != 0; }

  OwnerId owner() const { return OwnerId{static_cast<uint32_t>(word_)}; }

  template <typename T>
  const T* candidates() const {
    return reinterpret_cast<const T*>(word_ & kLowBits);
  }

  /// Most wrappers' frames end `plain_offset` bytes above their stack pointer, whatever rbp is.
  bool has_plain_row() const { return (word_ & kPlainRow) != 0; }

  uint32_t plain_offset() const { return static_cast<uint32_t>(word_ & (kPlainEnd - 1)); }

  stack::FrameRow row() const {
    return has_plain_row()
               ? stack::FrameRow{false, plain_offset(),
                                 static_cast<uint32_t>(word_ >> kRowBits & (kPlainEnd - 1))}
               : stack::FrameRow::unpack(word_ & kLowBits);
  }

  uint64_t word() const { return word_; }

 private:
  static constexpr uint64_t kLowBits = (uint64_t{1} << 48) - 1;
  static constexpr unsigned kRowBits = 24;
  static constexpr uint32_t kPlainEnd = 1U << kRowBits;
  static constexpr uint64_t kWrapper = uint64_t{1} << 63;
  static constexpr uint64_t kOwner = uint64_t{1} << 62;
  static constexpr uint64_t kConditional = uint64_t{1} << 61;
  static constexpr uint64_t kPlainRow = uint64_t{1} << 60;
  static constexpr uint64_t kNameless = uint64_t{1} << 59;
  static constexpr uint64_t kInDispatcher = uint64_t{1} << 58;
  static constexpr uint64_t kNested = uint64_t{1} << 57;

  friend void note_called_by_wrapper(uintptr_t pc);

  uint64_t word_ = 0;
};

/// A site, or the pair of a site and a tag that is not the only one of the site.
inline uint64_t fact_key(uintptr_t site, TagId tag = TagId::kNone) {
  return site | uint64_t{index_of(tag)} << 47;
}

inline uintptr_t site_of_fact_key(uint64_t key) {
  return key & ((uint64_t{1} << 47) - 1);
}

/// Open addressing, never emptied. A full table is replaced by a larger copy; the old one stays for
/// readers that still look at it (all old ones together are smaller than the new one).
struct FactTable {
  struct Entry {
    uint64_t key;  // 0: empty; kForgotten
    uint64_t facts;
  };

  // Takes the place of a site whose module is gone: never equal to one, searches go on behind it.
  static constexpr uint64_t kForgotten = 1;

  size_t mask;
  Entry entries[1];  // mask + 1 of them

  /// Of the upper bits: tags are there, too, and sites are well mixed.
  static size_t hash(uint64_t key) { return (key * 0x9E3779B97F4A7C15U) >> 40; }

  /// The entry of the key, or the empty one where it would go.
  Entry* find(uint64_t key);
};

extern constinit FactTable* fact_table;

/// Nothing is known of the key: Facts().
[[gnu::always_inline]] inline Facts find_facts(uint64_t key) {
  const FactTable* table = __atomic_load_n(&fact_table, __ATOMIC_ACQUIRE);
  const FactTable::Entry* entries = table->entries;
  for (size_t at = FactTable::hash(key) & table->mask;; at = (at + 1) & table->mask) {
    // The facts of an entry are there before its key.
    const uint64_t found = __atomic_load_n(&entries[at].key, __ATOMIC_ACQUIRE);
    if (likely(found == key)) {
      return Facts(__atomic_load_n(&entries[at].facts, __ATOMIC_RELAXED));
    }
    if (found == 0) {
      return {};
    }
  }
}

/// What malloc most often asks of an address that lies in a wrapper, in one word: the address, how
/// far its frame reaches, and whether wrappers call it.
class PlainWrapper {
 public:
  constexpr explicit PlainWrapper(uint64_t word) : word_(word) {}

  constexpr PlainWrapper(uintptr_t pc, uint32_t offset, bool is_nested)
      : word_(pc | uint64_t{offset / kUnit} << kPcBits | (is_nested ? kNested : 0)) {}

  constexpr bool is_of(uintptr_t pc) const { return ((word_ ^ pc) << (64 - kPcBits)) == 0; }

  constexpr uintptr_t offset() const { return (word_ >> kPcBits & kMostUnits) * kUnit; }

  constexpr bool is_called_by_wrappers() const { return (word_ & kNested) != 0; }

  constexpr uint64_t word() const { return word_; }

  static constexpr bool has_room_for(uint32_t offset) { return offset / kUnit <= kMostUnits; }

  static constexpr uint64_t kNested = uint64_t{1} << 60;

 private:
  static constexpr unsigned kPcBits = 47;
  static constexpr uint32_t kUnit = 8;
  static constexpr uint64_t kMostUnits = (1U << 13) - 1;

  uint64_t word_;
};

/// Of as many addresses as there is room for; the others are in the table of facts alone. Written
/// with that.
inline constexpr unsigned kPlainBits = 10;
extern constinit uint64_t plain_wrappers[1U << kPlainBits];

inline uint64_t& plain_place(uintptr_t pc) {
  return plain_wrappers[pc * 0x9E3779B97F4A7C15U >> (64 - kPlainBits)];
}

[[gnu::always_inline]] inline PlainWrapper find_plain_wrapper(uintptr_t pc) {
  return PlainWrapper(read_relaxed(plain_place(pc)));
}

/// False when the kernel refuses memory.
bool init_facts();

/// False without memory: then nothing has changed.
bool add_facts_locked(uint64_t key, Facts facts);

/// Notes that a wrapper was called by another one. Any thread.
void note_called_by_wrapper(uintptr_t pc);

/// Everything that is known. The visitor may change what an entry says, or forget it.
void visit_facts_locked(void (*visitor)(FactTable::Entry* entry));

/// Forgets all sites in [begin, end).
void forget_facts_locked(uintptr_t begin, uintptr_t end);

}  // namespace heaptag::tag
