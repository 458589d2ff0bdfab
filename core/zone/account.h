// Whose blocks those of a zone are: an OSMalloc tag's or a type's. Each is a tag of its own in
// every report; what the old systems count beside that is here. Layer: core/zone.
#pragma once

#include <string_view>

#include "core/base/counter.h"
#include "core/base/types.h"
#include "core/wire/tables.h"

namespace heaptag::zone {

struct Account {
  wire::AccountRecord figures;
  TagId tag;           // perhaps one that accounts beyond the limit of tags share
  OwnerId base_owner;  // of calls that must not wait, from places that are new
  uint32_t number;     // in its zone: what the records of its elements say
};

/// Makes the account's tag. `site`: who has asked for it. False without memory. Waits.
bool open_account(Account* account, std::string_view name, wire::TagOrigin origin, uintptr_t site);

/// Whom a call from `pc` is charged to: what must not wait, from a place that is new, to the base
/// owner, until the next call that may has learned of the place.
OwnerId owner_of(const Account& account, uintptr_t pc, bool may_wait);

/// The account is about to be another one: places that wait to be learned are not its.
void forget_new_sites(const Account* account);

inline void add(uint64_t& counter, uint64_t by = 1) {
  __atomic_fetch_add(&counter, by, __ATOMIC_RELAXED);
}

inline void subtract(uint64_t& counter, uint64_t by) {
  __atomic_fetch_sub(&counter, by, __ATOMIC_RELAXED);
}

inline void raise(uint64_t& counter, uint64_t to) {
  uint64_t now = read_relaxed(counter);
  while (now < to && !__atomic_compare_exchange_n(&counter, &now, to, true, __ATOMIC_RELAXED,
                                                  __ATOMIC_RELAXED)) {
  }
}

void count_in(Account* account, unsigned bucket, size_t requested, size_t usable);
void count_out(Account* account, size_t requested, size_t usable);

}  // namespace heaptag::zone
