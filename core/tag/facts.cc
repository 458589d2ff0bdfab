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

}  // namespace

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
  return true;
}

void note_called_by_wrapper(uintptr_t pc) {
  FactTable::Entry* entry = __atomic_load_n(&fact_table, __ATOMIC_ACQUIRE)->find(fact_key(pc));
  if (__atomic_load_n(&entry->key, __ATOMIC_RELAXED) == fact_key(pc)) {
    __atomic_fetch_or(&entry->facts, Facts::kNested, __ATOMIC_RELAXED);
  }
}

void visit_facts_locked(void (*visitor)(FactTable::Entry* entry)) {
  for (size_t i = 0; i <= fact_table->mask; ++i) {
    if (fact_table->entries[i].key > FactTable::kForgotten) {
      visitor(&fact_table->entries[i]);
    }
  }
}

void forget_facts_locked(uintptr_t begin, uintptr_t end) {
  for (size_t i = 0; i <= fact_table->mask; ++i) {
    FactTable::Entry& entry = fact_table->entries[i];
    const uintptr_t call = site_of_fact_key(entry.key) - 1;
    if (entry.key > FactTable::kForgotten && call >= begin && call < end) {
      __atomic_store_n(&entry.key, FactTable::kForgotten, __ATOMIC_RELEASE);
    }
  }
}

}  // namespace heaptag::tag
