// Owners: who a block is charged to. Today an owner is a call site (return address); rules and
// pushed tags will become the other half of the pair. Layer: core/tag.  Locks: one of its own for
// new owners; finding a known one takes none.
#pragma once

#include "core/base/types.h"
#include "core/os/lock.h"
#include "core/wire/tables.h"

namespace heaptag::tag {

/// Sites beyond the table's capacity share this owner: exact in sum, nameless.
inline constexpr OwnerId kOverflowOwner{1};

/// False when the kernel refuses memory. `capacity` is the largest number of owners.
bool init_owners(size_t capacity);

/// The owner of a call site; a new one the first time. Never fails: kOverflowOwner then.
OwnerId owner_of_site(uintptr_t site);

/// After a dlclose: sites in modules that are gone mean something else from now on. Calls
/// `forgotten(begin, end)` for the addresses of each such module.
void forget_unloaded(void (*forgotten)(uintptr_t begin, uintptr_t end));

uint32_t owner_count();  // entry 0 is unused
const uint32_t* owner_count_address();
wire::OwnerRecord* owners();

/// Gives reserved address space back, but for `capacity` more owners.
void trim_owners(size_t capacity);

os::Lock& owners_lock_for_fork();

}  // namespace heaptag::tag
