#include "core/tag/owners.h"

#include "core/meta/meta_allocator.h"
#include "core/tag/modules.h"

namespace heaptag::tag {

namespace {

constexpr size_t kFirstSlots = 512;

// Takes the place of a site whose module is gone: never equal to one, searches go on behind it, and
// the owner stays for the day when the module comes back to where it was.
constexpr uintptr_t kForgotten = 1;

struct Slot {
  uintptr_t site;  // 0: empty
  uint64_t owner;
};

// Open addressing, never removed. A full table is replaced by a larger copy; the old one stays for
// readers that still look at it (all old ones together are smaller than the new one).
struct SiteTable {
  size_t mask;
  Slot slots[];
};

struct State {
  os::Lock lock;
  meta::GrowingTable<wire::OwnerRecord> records;
  SiteTable* sites;
  uint32_t count;
};

constinit State state{};

size_t hash_site(uintptr_t site) {
  return (site * 0x9E3779B97F4A7C15U) >> 30;
}

SiteTable* make_table(size_t slots) {
  auto* table = static_cast<SiteTable*>(meta::allocate(sizeof(SiteTable) + slots * sizeof(Slot)));
  if (table != nullptr) {
    table->mask = slots - 1;
  }
  return table;
}

Slot* find_slot(SiteTable* table, uintptr_t site) {
  for (size_t at = hash_site(site) & table->mask;; at = (at + 1) & table->mask) {
    const uintptr_t found = __atomic_load_n(&table->slots[at].site, __ATOMIC_ACQUIRE);
    if (found == site || found == 0) {
      return &table->slots[at];
    }
  }
}

// The owner that a site had before its module went and came back. Null when it is another module
// now.
Slot* find_forgotten(SiteTable* table, uintptr_t site, ModuleId module) {
  for (size_t at = hash_site(site) & table->mask; table->slots[at].site != 0;
       at = (at + 1) & table->mask) {
    Slot& slot = table->slots[at];
    if (slot.site == kForgotten && state.records[slot.owner].site == site &&
        state.records[slot.owner].module == index_of(module)) {
      return &slot;
    }
  }
  return nullptr;
}

bool make_room() {
  SiteTable* old = state.sites;
  if (size_t{state.count} * 2 <= old->mask) {
    return true;
  }
  SiteTable* table = make_table((old->mask + 1) * 2);
  if (table == nullptr) {
    // Fuller than we like is still correct; completely full would never end a search.
    return size_t{state.count} + 1 < old->mask;
  }
  for (size_t i = 0; i <= old->mask; ++i) {
    if (old->slots[i].site > kForgotten) {
      *find_slot(table, old->slots[i].site) = old->slots[i];
    }
  }
  __atomic_store_n(&state.sites, table, __ATOMIC_RELEASE);
  return true;
}

OwnerId add_owner(uintptr_t site) {
  os::LockGuard guard(state.lock);
  Slot* slot = find_slot(state.sites, site);
  if (slot->site == site) {
    return OwnerId{static_cast<uint32_t>(slot->owner)};
  }
  const ModuleId module = intern_module_locked(site - 1);
  Slot* forgotten = find_forgotten(state.sites, site, module);
  if (forgotten != nullptr) {
    __atomic_store_n(&forgotten->site, site, __ATOMIC_RELEASE);
    return OwnerId{static_cast<uint32_t>(forgotten->owner)};
  }
  if (!make_room() || !state.records.grow_to(size_t{state.count} + 1)) {
    return kOverflowOwner;
  }
  slot = find_slot(state.sites, site);
  wire::OwnerRecord& record = state.records[state.count];
  record.site = site;
  record.module = index_of(module);
  record.offset = site - 1 - modules()[record.module].base;
  slot->owner = state.count;
  __atomic_store_n(&slot->site, site, __ATOMIC_RELEASE);
  __atomic_store_n(&state.count, state.count + 1, __ATOMIC_RELEASE);
  return OwnerId{state.count - 1};
}

}  // namespace

bool init_owners(size_t capacity) {
  if (state.sites == nullptr) {
    state.sites = make_table(kFirstSlots);
  }
  if (state.sites == nullptr || !init_modules(capacity) || !state.records.init(capacity) ||
      !state.records.grow_to(index_of(kOverflowOwner) + 1)) {
    return false;
  }
  state.count = index_of(kOverflowOwner) + 1;
  return true;
}

OwnerId owner_of_site(uintptr_t site) {
  const Slot* slot = find_slot(__atomic_load_n(&state.sites, __ATOMIC_ACQUIRE), site);
  if (__atomic_load_n(&slot->site, __ATOMIC_ACQUIRE) == site) {
    return OwnerId{static_cast<uint32_t>(slot->owner)};
  }
  return add_owner(site);
}

void forget_unloaded(void (*forgotten)(uintptr_t begin, uintptr_t end)) {
  os::LockGuard guard(state.lock);
  for (uint32_t module = 1; module < module_count(); ++module) {
    if (!is_unloaded_locked(ModuleId{module})) {
      continue;
    }
    for (size_t i = 0; i <= state.sites->mask; ++i) {
      Slot& slot = state.sites->slots[i];
      if (slot.site > kForgotten && state.records[slot.owner].module == module) {
        __atomic_store_n(&slot.site, kForgotten, __ATOMIC_RELEASE);
      }
    }
    forgotten(modules()[module].begin, modules()[module].end);
  }
}

uint32_t owner_count() {
  return __atomic_load_n(&state.count, __ATOMIC_ACQUIRE);
}

const uint32_t* owner_count_address() {
  return &state.count;
}

wire::OwnerRecord* owners() {
  return state.records.data();
}

void trim_owners(size_t capacity) {
  os::LockGuard guard(state.lock);
  state.records.trim_to(state.count + capacity);
}

os::Lock& owners_lock_for_fork() {
  return state.lock;
}

}  // namespace heaptag::tag
