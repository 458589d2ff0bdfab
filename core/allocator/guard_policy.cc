#include "core/allocator/guard_policy.h"

#include "core/allocator/threads.h"
#include "core/base/accounting.h"
#include "core/base/glob.h"
#include "core/base/text.h"
#include "core/heap/span.h"
#include "core/meta/meta_allocator.h"
#include "core/tag/modules.h"
#include "core/tag/owners.h"

namespace heaptag::allocator {

using safety::GuardSide;

namespace {

// New owners come first as long as they take no more than half of what may live at once.
constexpr size_t kMappingsPerBlock = 3;
constexpr size_t kShareOfNew = 2;

// What is known of an owner, in a byte: bits, and above them how many of its blocks were guarded.
constexpr uint8_t kSeen = 1;
constexpr uint8_t kAsked = 2;    // is_named
constexpr uint8_t kAlways = 4;   // all of its blocks
constexpr uint8_t kAligned = 8;  // relies on alignment, whatever the size
constexpr unsigned kCountShift = 4;

constexpr size_t kDefaultAlignment = 16;

// CPython refuses code that lies at an odd address, in blocks of whatever size; fontconfig takes
// odd pointers, of strings too, for offsets.
constexpr char kAlignedModules[] = "python* libpython* libfontconfig*";

// Guarded blocks of new owners that may be for each that is by chance, and so many more in all. A
// guarded block takes some 8 us: a compiler has 5,000 sites, and with all of them it took 14 % more
// time at 1/5000.
constexpr uint32_t kNewPerChance = 1;
constexpr uint32_t kFirstOnes = 16;

// So long a new owner is waited for, as a part of what lies between two.
constexpr uint32_t kWaitDivisor = 8;

// Guarded blocks that may be due at once.
constexpr int64_t kMostLate = 64;

enum class Phase : uint32_t { kNone, kStarting, kStarted };

struct Policy {
  uint32_t phase;
  GuardPlan plan;
  size_t most_of_new;
  uint32_t first_ones;  // of kFirstOnes that have been
  uint8_t* owners;
};

constinit Policy policy{};

uint8_t& state_of(OwnerId owner) {
  return policy.owners[index_of(owner)];
}

uint8_t read_state(OwnerId owner) {
  return __atomic_load_n(&state_of(owner), __ATOMIC_RELAXED);
}

uint8_t add_bits(OwnerId owner, uint8_t bits) {
  return __atomic_fetch_or(&state_of(owner), bits, __ATOMIC_RELAXED);
}

// What has to be known of an owner once.
uint8_t ask_about(OwnerId owner) {
  const wire::ModuleRecord& module = tag::modules()[tag::owners()[index_of(owner)].module];
  const bool is_named = policy.plan.is_named != nullptr && policy.plan.is_named(index_of(owner));
  const bool is_aligned =
      any_glob_matches(kAlignedModules, base_name(reinterpret_cast<const char*>(module.path)));
  const auto bits =
      static_cast<uint8_t>(kAsked | (is_named ? kAlways : 0) | (is_aligned ? kAligned : 0));
  return add_bits(owner, bits) | bits;
}

bool is_new(OwnerId owner) {
  return (read_state(owner) & kSeen) == 0;
}

// May one more block be guarded because its owner is new?
bool take_credit(ThreadState* thread) {
  if (read_relaxed(policy.first_ones) < kFirstOnes) {
    return __atomic_fetch_add(&policy.first_ones, 1U, __ATOMIC_RELAXED) < kFirstOnes;
  }
  const int64_t price = policy.plan.every / kNewPerChance;
  const int64_t saved = thread->guard_planned - thread->guard_in - thread->guard_spent;
  if (saved < price) {
    return false;
  }
  // Nobody saves for more than a few.
  thread->guard_spent +=
      saved > int64_t{policy.plan.every} ? saved - policy.plan.every + price : price;
  return true;
}

uint8_t known_state(OwnerId owner) {
  const uint8_t state = read_state(owner);
  return likely((state & kAsked) != 0) ? state : ask_about(owner);
}

}  // namespace

bool start_guards(const GuardPlan& plan) {
  auto none = static_cast<uint32_t>(Phase::kNone);
  if (!kAccounting ||
      !__atomic_compare_exchange_n(&policy.phase, &none, static_cast<uint32_t>(Phase::kStarting),
                                   false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
    return false;
  }
  const safety::GuardLimits limits = safety::guard_limits_of_system();
  policy.owners = static_cast<uint8_t*>(meta::allocate(heap::BlockMeta::kMaxOwners));
  if (policy.owners == nullptr || !safety::init_guards(limits)) {
    return false;
  }
  policy.plan = plan;
  policy.most_of_new = limits.mappings / kMappingsPerBlock / kShareOfNew;
  __atomic_store_n(&policy.phase, static_cast<uint32_t>(Phase::kStarted), __ATOMIC_RELEASE);
  __atomic_store_n(&safety::settings.guards, true, __ATOMIC_RELEASE);
  forget_slots();
  return true;
}

void guard_all_of(OwnerId owner) {
  start_guards({});
  if (guards_blocks() && (add_bits(owner, kAlways) & kAlways) == 0) {
    forget_slots();
  }
}

bool is_always_guarded(OwnerId owner) {
  if (policy.plan.every == 1) {
    return true;
  }
  return (known_state(owner) & kAlways) != 0;
}

size_t guard_alignment_for(OwnerId owner, size_t size) {
  // Programs rely on more than what an object of the size needs (tags in the lower bits of
  // pointers): those that are sampled, perhaps where it matters, get what malloc always gives.
  const bool is_to_the_byte =
      is_always_guarded(owner) && !policy.plan.aligned && (known_state(owner) & kAligned) == 0;
  return is_to_the_byte ? safety::natural_alignment(size) : kDefaultAlignment;
}

bool is_guard_due(ThreadState* thread) {
  if (policy.plan.every == 0) {
    thread->guard_in = INT64_MAX;
    return false;
  }
  if (thread->guard_seed == 0) {
    thread->guard_seed = static_cast<uint32_t>(thread->record.id) * 2 + 1;
    restart_guard_countdown(thread);
  }
  // It may be late, but not for ever: a list may have handed out more than lies between two.
  const int64_t latest = -int64_t{policy.plan.every} * kMostLate;
  if (thread->guard_in < latest) {
    thread->guard_planned += latest - thread->guard_in;
    thread->guard_in = latest;
  }
  return thread->guard_in <= 0;
}

bool is_turn_of(const ThreadState* thread, OwnerId owner) {
  return is_new(owner) || thread->guard_in <= -int64_t{policy.plan.every / kWaitDivisor};
}

bool wants_guard(ThreadState* thread, OwnerId owner, bool is_due) {
  if (is_always_guarded(owner)) {
    return true;
  }
  if (policy.plan.every != 0 && is_new(owner) && (is_due || take_credit(thread)) &&
      (add_bits(owner, kSeen) & kSeen) == 0 && safety::guard_counts().live < policy.most_of_new) {
    return true;
  }
  return is_due && is_turn_of(thread, owner);
}

void restart_guard_countdown(ThreadState* thread) {
  const uint32_t next = next_guard_in(policy.plan.every, &thread->guard_seed);
  thread->guard_in += next;
  thread->guard_planned += next;
}

GuardSide guard_side_for(OwnerId owner) {
  if (!is_always_guarded(owner)) {
    return safety::next_guard_side();
  }
  const uint8_t before =
      __atomic_fetch_add(&state_of(owner), uint8_t{1 << kCountShift}, __ATOMIC_RELAXED);
  return guard_side_at(before >> kCountShift);
}

uint32_t next_guard_in(uint32_t every, uint32_t* seed) {
  *seed = *seed * 1664525U + 1013904223U;
  return 1 + static_cast<uint32_t>(uint64_t{*seed} * (uint64_t{every} * 2 - 1) >> 32);
}

GuardSide guard_side_at(uint32_t number) {
  // In each group of four at another place, so that no regular pattern of calls misses it.
  constexpr uint8_t kPlaces[] = {3, 1, 2, 0, 0, 2, 1, 3};
  return number % 4 == kPlaces[number / 4 % sizeof(kPlaces)] ? GuardSide::kBegin : GuardSide::kEnd;
}

}  // namespace heaptag::allocator
