#include "core/tag/owners.h"

#include <cstring>

#include "core/base/units.h"
#include "core/meta/meta_allocator.h"
#include "core/os/loader.h"
#include "core/tag/functions.h"
#include "core/tag/modules.h"
#include "core/tag/tags.h"

namespace heaptag::tag {

namespace {

constexpr uint16_t kMaxCandidates = 64;

// The pair of a site with no tag, where the site's own entry says something else.
constexpr TagId kWithoutTag{(1U << 17) - 1};

static_assert(kMaxTags < index_of(kWithoutTag));

struct State {
  os::Lock lock;
  meta::GrowingTable<wire::OwnerRecord> records;
  uint32_t count;
  bool is_torn;  // another thread was changing something when this process was forked
};

constinit State state{};

const char* path_of(ModuleId module) {
  return module == ModuleId::kNone
             ? ""
             : reinterpret_cast<const char*>(modules()[index_of(module)].path);
}

/// The module of a site, with what its symbols say of the site.
ModuleId module_of_locked(uintptr_t site) {
  const ModuleId module = intern_module_locked(site - 1);
  know_function_locked(module, site - 1);
  return module;
}

/// An owner that a site had before its module went and came back.
OwnerId find_returned_locked(uintptr_t site, ModuleId module, TagId tag) {
  if (!came_back(module)) {
    return OwnerId::kNone;
  }
  for (uint32_t i = index_of(kOverflowOwner) + 1; i < state.count; ++i) {
    const wire::OwnerRecord& record = state.records[i];
    if (record.site == site && record.module == index_of(module) && record.tag == index_of(tag)) {
      return OwnerId{i};
    }
  }
  return OwnerId::kNone;
}

OwnerId make_owner_locked(uintptr_t site, ModuleId module, TagId tag) {
  const OwnerId returned = find_returned_locked(site, module, tag);
  if (returned != OwnerId::kNone) {
    return returned;
  }
  if (!state.records.grow_to(size_t{state.count} + 1)) {
    return kOverflowOwner;
  }
  wire::OwnerRecord& record = state.records[state.count];
  record.site = site;
  record.module = index_of(module);
  record.offset = site - 1 - modules()[record.module].base;
  record.tag = index_of(tag);
  __atomic_store_n(&state.count, state.count + 1, __ATOMIC_RELEASE);
  return OwnerId{state.count - 1};
}

/// The same, by a rule (or kMaxRules): one site more that it has named, unless the owner is known.
OwnerId make_owner_by_locked(uintptr_t site, ModuleId module, TagId tag, uint32_t rule) {
  const uint32_t before = state.count;
  const OwnerId owner = make_owner_locked(site, module, tag);
  if (rule != kMaxRules && state.count != before) {
    ++rules()[rule].matched_sites;
  }
  return owner;
}

uint16_t candidates_of(uintptr_t site, ModuleId module, uint16_t* found) {
  struct Context {
    ModuleId module;
    uintptr_t address;
  } context{module, site - 1};

  const auto has_function = [](const void* of, uint32_t rule) {
    const auto* where = static_cast<const Context*>(of);
    return function_has_mark(where->module, where->address, rule);
  };
  return find_candidates({path_of(module), has_function, &context}, found, kMaxCandidates);
}

/// What a site that is no wrapper's means.
Facts learn_owner_locked(uintptr_t site, ModuleId module) {
  uint16_t found[kMaxCandidates];
  const uint16_t count = candidates_of(site, module, found);
  if (count != 0 && is_conditional(found[0])) {
    auto* candidates =
        static_cast<Candidates*>(meta::allocate(sizeof(Candidates) + count * sizeof(uint16_t)));
    if (candidates != nullptr) {
      candidates->count = count;
      std::memcpy(candidates->rules, found, count * sizeof(uint16_t));
      return Facts::of_candidates(candidates);
    }
  }
  if (count == 0) {
    return Facts::of_owner(make_owner_locked(site, module, TagId::kNone));
  }
  const TagId tag = tag_of_rule_locked(found[0], path_of(module));
  return Facts::of_owner(make_owner_by_locked(site, module, tag, found[0]));
}

Facts learn_locked(uintptr_t site, ModuleId module) {
  stack::FrameRow row;
  const WrapperKind kind = wrapper_kind(module, site - 1);
  Facts facts;
  if (kind != WrapperKind::kNone && stack::find_frame_row(site, &row)) {
    facts = Facts::of_wrapper(row);
    facts = kind == WrapperKind::kNameless ? facts.nameless() : facts;
  } else {
    facts = learn_owner_locked(site, module);
  }
  return is_dispatcher(module, site - 1) ? facts.in_dispatcher() : facts;
}

/// The owner of a pair that is not the only one of its site. `rule` made it, or kMaxRules.
OwnerId owner_of_pair_by(uintptr_t site, TagId tag, TagId key_tag, uint32_t rule) {
  const uint64_t key = fact_key(site, key_tag);
  Facts facts = find_facts(key);
  if (facts.is_owner()) {
    return facts.owner();
  }
  os::LockGuard guard(state.lock);
  facts = find_facts(key);
  if (state.is_torn && !facts.is_owner()) {
    return kOverflowOwner;
  }
  if (!facts.is_owner()) {
    facts = Facts::of_owner(make_owner_by_locked(site, module_of_locked(site), tag, rule));
    if (facts.owner() != kOverflowOwner) {
      add_facts_locked(key, facts);
    }
  }
  return facts.owner();
}

OwnerId owner_without_tag(uintptr_t site) {
  return owner_of_pair_by(site, TagId::kNone, kWithoutTag, kMaxRules);
}

TagId tag_by_rule(uint32_t rule, uintptr_t site) {
  const TagId tag = tag_of_rule(rule);
  if (tag != TagId::kNone) {
    return tag;
  }
  os::LockGuard guard(state.lock);
  return state.is_torn ? TagId::kNone
                       : tag_of_rule_locked(rule, path_of(intern_module_locked(site - 1)));
}

/// A site that was seen before the rules were known.
void apply_rules_to(FactTable::Entry* entry) {
  const uintptr_t site = site_of_fact_key(entry->key);
  const ModuleId module = module_of_locked(site);
  uint16_t found[kMaxCandidates];
  const uint16_t count = candidates_of(site, module, found);
  const OwnerId owner = Facts(entry->facts).owner();
  if (wrapper_kind(module, site - 1) != WrapperKind::kNone ||
      (count != 0 && is_conditional(found[0]))) {
    entry->key = FactTable::kForgotten;  // what comes from now on is looked at anew
  } else if (count != 0) {
    const TagId tag = tag_of_rule_locked(found[0], path_of(module));
    state.records[index_of(owner)].tag = index_of(tag);
    ++rules()[found[0]].matched_sites;
  }
}

}  // namespace

bool init_owners(size_t capacity) {
  if (!init_modules(capacity) || !init_functions(module_capacity()) || !init_tags(capacity) ||
      !init_facts() || !state.records.init(capacity) ||
      !state.records.grow_to(index_of(kOverflowOwner) + 1)) {
    return false;
  }
  __atomic_store_n(&state.count, index_of(kOverflowOwner) + 1, __ATOMIC_RELEASE);
  return true;
}

Facts facts_of(uintptr_t site) {
  Facts facts = find_facts(fact_key(site));
  if (likely(facts.is_known())) {
    return facts;
  }
  os::LockGuard guard(state.lock);
  facts = find_facts(fact_key(site));
  if (state.is_torn && !facts.is_known()) {
    return Facts::of_owner(kOverflowOwner);
  }
  if (!facts.is_known()) {
    facts = learn_locked(site, module_of_locked(site));
    if (!facts.is_owner() || facts.owner() != kOverflowOwner) {
      add_facts_locked(fact_key(site), facts);
    }
  }
  return facts;
}

void blame_from_now_on(uintptr_t site) {
  os::LockGuard guard(state.lock);
  if (state.is_torn) {
    return;
  }
  const Facts facts = learn_owner_locked(site, module_of_locked(site));
  if (!facts.is_owner() || facts.owner() != kOverflowOwner) {
    add_facts_locked(fact_key(site), facts);
  }
}

OwnerId owner_of_call(uintptr_t site, const Call& call, bool* is_steady) {
  const Facts facts = facts_of(site);
  if (likely(facts.is_owner())) {
    return facts.owner();
  }
  if (facts.is_wrapper()) {
    *is_steady = false;  // most calls from there are somebody else's
    return owner_without_tag(site);
  }
  const auto* candidates = facts.candidates<Candidates>();
  const uint32_t rule = first_match(candidates->rules, candidates->count, call, is_steady);
  if (rule == kMaxRules) {
    return owner_without_tag(site);
  }
  const TagId tag = tag_by_rule(rule, site);
  return tag == TagId::kNone ? owner_without_tag(site) : owner_of_pair_by(site, tag, tag, rule);
}

OwnerId owner_of_pair(uintptr_t site, TagId tag) {
  return owner_of_pair_by(site, tag, tag, kMaxRules);
}

OwnerId known_owner_of_pair(uintptr_t site, TagId tag) {
  const Facts facts = find_facts(fact_key(site, tag));
  return facts.is_owner() ? facts.owner() : OwnerId::kNone;
}

TagId new_tag(std::string_view name, wire::TagOrigin origin) {
  os::LockGuard guard(state.lock);
  return state.is_torn ? TagId::kNone : make_tag_locked(name, origin);
}

TagId tag_by_name(std::string_view name) {
  os::LockGuard guard(state.lock);
  return state.is_torn ? TagId::kNone : intern_tag_locked(name, wire::TagOrigin::kApi);
}

void apply_rules() {
  os::LockGuard guard(state.lock);
  forget_functions_locked();
  for (uint32_t module = 1; module < module_count(); ++module) {
    read_functions_locked(ModuleId{module});
  }
  visit_facts_locked([](FactTable::Entry* entry) {
    if (Facts(entry->facts).is_owner()) {
      apply_rules_to(entry);
    }
  });
}

ModuleId module_of(uintptr_t pc) {
  os::LockGuard guard(state.lock);
  return state.is_torn ? ModuleId::kNone : intern_module_locked(pc - 1);
}

void read_loaded_modules() {
  // The loader's lock is never asked for while ours is held: whoever holds it may allocate.
  os::LoadedObjects objects;
  while (os::next_loaded_objects(&objects)) {
    os::LockGuard guard(state.lock);
    for (size_t i = 0; i < objects.count && !state.is_torn; ++i) {
      read_functions_locked(intern_module_locked(objects.addresses[i]));
    }
  }
}

void forget_unloaded(void (*forgotten)(uintptr_t begin, uintptr_t end)) {
  os::LockGuard guard(state.lock);
  for (uint32_t module = 1; module < module_count() && !state.is_torn; ++module) {
    if (is_unloaded_locked(ModuleId{module})) {
      forget_facts_locked(modules()[module].begin, modules()[module].end);
      forgotten(modules()[module].begin, modules()[module].end);
    }
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
  trim_modules_locked();
  trim_functions_locked();
  trim_tags_locked();
  state.records.trim_to(state.count + capacity);
}

void restore_owners() {
  os::LockGuard guard(state.lock);
  restore_modules_locked();
  restore_functions_locked();
  restore_tags_locked();
  state.records.restore();
}

os::Lock& owners_lock_for_fork() {
  return state.lock;
}

void stop_learning() {
  state.is_torn = true;
}

}  // namespace heaptag::tag
