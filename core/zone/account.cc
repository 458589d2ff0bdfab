#include "core/zone/account.h"

#include "core/allocator/deferred.h"
#include "core/allocator/stray.h"
#include "core/tag/owners.h"
#include "core/tag/tags.h"

namespace heaptag::zone {

namespace {

// Places that have called without waiting, and wait to be learned by a call that may.
struct NewSites {
  static constexpr unsigned kMost = 64;

  struct Site {
    uintptr_t pc;  // 0: free
    const Account* account;
  };

  Site sites[kMost];
  uint32_t count;
};

constinit NewSites new_sites{};

// Beyond the room for them: the next call from there comes here again.
void note_new_site(const Account& account, uintptr_t pc) {
  for (NewSites::Site& site : new_sites.sites) {
    uintptr_t found = 0;
    if (__atomic_compare_exchange_n(&site.pc, &found, pc, false, __ATOMIC_RELAXED,
                                    __ATOMIC_RELAXED)) {
      __atomic_store_n(&site.account, &account, __ATOMIC_RELEASE);
      __atomic_fetch_add(&new_sites.count, 1U, __ATOMIC_RELAXED);
      return;
    }
    if (found == pc) {
      return;
    }
  }
}

void learn_new_sites() {
  __atomic_store_n(&new_sites.count, 0U, __ATOMIC_RELAXED);
  for (NewSites::Site& site : new_sites.sites) {
    const Account* account = __atomic_exchange_n(&site.account, nullptr, __ATOMIC_ACQUIRE);
    if (account != nullptr) {
      allocator::prepare_stray(tag::owner_of_pair(site.pc, account->tag));
      __atomic_store_n(&site.pc, uintptr_t{0}, __ATOMIC_RELEASE);
    }
  }
}

}  // namespace

void forget_new_sites(const Account* account) {
  for (NewSites::Site& site : new_sites.sites) {
    const Account* found = account;
    if (__atomic_compare_exchange_n(&site.account, &found, nullptr, false, __ATOMIC_RELAXED,
                                    __ATOMIC_RELAXED)) {
      __atomic_store_n(&site.pc, uintptr_t{0}, __ATOMIC_RELEASE);
    }
  }
}

bool open_account(Account* account, std::string_view name, wire::TagOrigin origin, uintptr_t site) {
  const allocator::QuietScope quiet;
  if (account->tag == TagId::kNone) {
    account->tag = tag::new_tag(name.empty() ? "(no name)" : name, origin);
  }
  if (account->tag == TagId::kNone) {
    return false;
  }
  account->base_owner = tag::owner_of_pair(site, account->tag);
  if (!allocator::prepare_stray(account->base_owner)) {
    return false;
  }
  if (!tag::is_shared_tag(account->tag)) {
    tag::tags()[index_of(account->tag)].account = reinterpret_cast<uintptr_t>(&account->figures);
  }
  return true;
}

OwnerId owner_of(const Account& account, uintptr_t pc, bool may_wait) {
  if (may_wait && unlikely(read_relaxed(new_sites.count) != 0)) {
    const allocator::QuietScope quiet;
    learn_new_sites();
  }
  OwnerId owner = tag::known_owner_of_pair(pc, account.tag);
  if (owner == OwnerId::kNone && !may_wait) {
    note_new_site(account, pc);
  } else if (owner == OwnerId::kNone) {
    const allocator::QuietScope quiet;
    owner = tag::owner_of_pair(pc, account.tag);
    if (owner == tag::kOverflowOwner || !allocator::prepare_stray(owner)) {
      owner = OwnerId::kNone;
    }
  }
  return owner == OwnerId::kNone || allocator::shared_counters(owner) == nullptr
             ? account.base_owner
             : owner;
}

void count_in(Account* account, unsigned bucket, size_t requested, size_t usable) {
  wire::AccountRecord& figures = account->figures;
  add(figures.allocations);
  add(figures.allocated_bytes, requested);
  const uint64_t live = __atomic_add_fetch(&figures.live_usable, usable, __ATOMIC_RELAXED);
  add(figures.live_bytes, requested);
  if (read_relaxed(figures.most_usable) < live) {
    raise(figures.most_usable, live);
  }
  const uint64_t bit = uint64_t{1} << bucket;
  if ((read_relaxed(figures.sizes) & bit) == 0) {
    __atomic_fetch_or(&figures.sizes, bit, __ATOMIC_RELAXED);
  }
}

void count_out(Account* account, size_t requested, size_t usable) {
  wire::AccountRecord& figures = account->figures;
  subtract(figures.live_bytes, requested);
  subtract(figures.live_usable, usable);
  add(figures.frees);
}

}  // namespace heaptag::zone
