// Owners: who a block is charged to, a (tag, call site) pair. The tag comes from a rule, from the
// program (a pushed tag), or there is none and the site is its own.
// Layer: core/tag.  Locks: one of its own for what is new; what is known takes none.
#pragma once

#include "core/base/types.h"
#include "core/os/lock.h"
#include "core/tag/facts.h"
#include "core/tag/rules.h"
#include "core/wire/tables.h"

namespace heaptag::tag {

/// Sites beyond the table's capacity share this owner: exact in sum, nameless.
inline constexpr OwnerId kOverflowOwner{1};

/// False when the kernel refuses memory. `capacity` is the largest number of owners.
bool init_owners(size_t capacity);

/// What there is to know of a return address, found out now if need be.
Facts facts_of(uintptr_t site);

/// A site that was taken for a wrapper's is an owner after all.
void blame_from_now_on(uintptr_t site);

/// The owner of a block from a call site. `*is_steady` becomes false when another call that wants
/// to share the answer would get another one. Never fails: kOverflowOwner then.
OwnerId owner_of_call(uintptr_t site, const Call& call, bool* is_steady);

/// The same for a site and a tag that the program has pushed. Pre: not kNone.
OwnerId owner_of_pair(uintptr_t site, TagId tag);

/// The same, without a lock and without memory: kNone when the pair is new.
OwnerId known_owner_of_pair(uintptr_t site, TagId tag);

/// The tag that a program calls by name. kNone without memory.
TagId tag_by_name(std::string_view name);

/// A tag of its own, even if others have its name. kNone without memory.
TagId new_tag(std::string_view name, wire::TagOrigin origin);

/// After the last add_rule: sites that were seen before get the tags of rules, too.
void apply_rules();

/// The module that a return address lies in. kNone when there is none.
ModuleId module_of(uintptr_t pc);

/// Reads the symbols of what the loader has loaded since the last time.
void read_loaded_modules();

/// After a dlclose: sites in modules that are gone mean something else from now on. Calls
/// `forgotten(begin, end)` for the addresses of each such module.
void forget_unloaded(void (*forgotten)(uintptr_t begin, uintptr_t end));

uint32_t owner_count();  // entry 0 is unused
const uint32_t* owner_count_address();
wire::OwnerRecord* owners();

/// Gives reserved address space back, but for `capacity` more owners, and files that are mapped for
/// their symbols.
void trim_owners(size_t capacity);
void restore_owners();

os::Lock& owners_lock_for_fork();

/// In a child that was forked while another thread held the lock: whoever is new from here on is
/// charged to kOverflowOwner.
void stop_learning();

}  // namespace heaptag::tag
