#include "core/tag/facts.h"

#include "core/meta/meta_allocator.h"

namespace heaptag::tag {

namespace {

constexpr size_t kFirstEntries = 512;

// Before the first allocation: nothing is known.
constinit FactTable no_table{0, {{0, 0}}};

constinit size_t used = 0;  // entries that are not empty

FactTable* make_table(size_t entries) {
  auto* table = static_cast<FactTable*>(
      meta::allocate(sizeof(FactTable) + (entries - 1) * sizeof(FactTable::Entry)));
  if (table != nullptr) {
    table->mask = entries - 1;
  }
  return table;
}

bool make_room() {
  FactTable* current = fact_table;
  if (used * 2 <= current->mask && current != &no_table) {
    return true;
  }
  FactTable* table = make_table(current == &no_table ? kFirstEntries : (current->mask + 1) * 2);
  if (table == nullptr) {
    // Fuller than we like is still correct; completely full would never end a search.
    return used + 1 < current->mask;
  }
  used = 0;
  for (size_t i = 0; i <= current->mask; ++i) {
    const FactTable::Entry& entry = current->entries[i];
    if (entry.key > FactTable::kForgotten) {
      *table->find(entry.key) = entry;
      ++used;
    }
  }
  __atomic_store_n(&fact_table, table, __ATOMIC_RELEASE);
  return true;
}

// Who was there first stays: two that are hot would push each other out for ever.
void note_plain(uintptr_t pc, Facts facts) {
  uint64_t& place = plain_place(pc);
  const bool is_its_own = PlainWrapper(place).is_of(pc);
  if (facts.has_plain_row() && PlainWrapper::has_room_for(facts.plain_offset())) {
    if (place == 0 || is_its_own) {
      write_relaxed(place,
                    PlainWrapper(pc, facts.plain_offset(), facts.is_called_by_wrappers()).word());
    }
  } else if (is_its_own) {
    write_relaxed(place, 0);
  }
}

void forget_plain(uintptr_t pc) {
  if (PlainWrapper(plain_place(pc)).is_of(pc)) {
    write_relaxed(plain_place(pc), 0);
  }
}

constexpr bool is_of_site(uint64_t key) {
  return key > FactTable::kForgotten && site_of_fact_key(key) == key;
}

}  // namespace

constinit uint64_t plain_wrappers[1U << kPlainBits]{};
constinit FactTable* fact_table = &no_table;

FactTable::Entry* FactTable::find(uint64_t key) {
  for (size_t at = hash(key) & mask;; at = (at + 1) & mask) {
    const uint64_t found = __atomic_load_n(&entries[at].key, __ATOMIC_ACQUIRE);
    if (found == key || found == 0) {
      return &entries[at];
    }
  }
}

bool init_facts() {
  return make_room();
}

bool add_facts_locked(uint64_t key, Facts facts) {
  if (!make_room()) {
    return false;
  }
  FactTable::Entry* entry = fact_table->find(key);
  used += entry->key == 0 ? 1 : 0;
  __atomic_store_n(&entry->facts, facts.word(), __ATOMIC_RELAXED);
  __atomic_store_n(&entry->key, key, __ATOMIC_RELEASE);
  if (is_of_site(key)) {
    note_plain(key, facts);
  }
  return true;
}

void note_called_by_wrapper(uintptr_t pc) {
  FactTable::Entry* entry = __atomic_load_n(&fact_table, __ATOMIC_ACQUIRE)->find(fact_key(pc));
  if (__atomic_load_n(&entry->key, __ATOMIC_RELAXED) == fact_key(pc)) {
    __atomic_fetch_or(&entry->facts, Facts::kNested, __ATOMIC_RELAXED);
  }
  uint64_t word = read_relaxed(plain_place(pc));
  if (PlainWrapper(word).is_of(pc)) {
    __atomic_compare_exchange_n(&plain_place(pc), &word, word | PlainWrapper::kNested, false,
                                __ATOMIC_RELAXED, __ATOMIC_RELAXED);
  }
}

void visit_facts_locked(void (*visitor)(FactTable::Entry* entry)) {
  for (size_t i = 0; i <= fact_table->mask; ++i) {
    FactTable::Entry& entry = fact_table->entries[i];
    const uint64_t key = entry.key;
    if (key > FactTable::kForgotten) {
      visitor(&entry);
      if (entry.key == FactTable::kForgotten) {
        forget_plain(site_of_fact_key(key));
      }
    }
  }
}

void forget_facts_locked(uintptr_t begin, uintptr_t end) {
  for (size_t i = 0; i <= fact_table->mask; ++i) {
    FactTable::Entry& entry = fact_table->entries[i];
    const uintptr_t call = site_of_fact_key(entry.key) - 1;
    if (entry.key > FactTable::kForgotten && call >= begin && call < end) {
      forget_plain(site_of_fact_key(entry.key));
      __atomic_store_n(&entry.key, FactTable::kForgotten, __ATOMIC_RELEASE);
    }
  }
}

}  // namespace heaptag::tag
