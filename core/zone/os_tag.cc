#include "core/zone/os_tag.h"

#include <cstring>

#include "core/zone/map_once.h"

namespace heaptag::zone {

namespace {

constexpr uint32_t kMostLive = 4096;
constexpr uint32_t kResting = 1024;  // buried since, before a slot is used again
constexpr uint32_t kSlots = kMostLive + kResting;

struct State {
  OsTag* slots;
  uint32_t used;   // slots that were ever taken
  uint32_t freed;  // tags so far
  uint64_t serial;
};

constinit State state{};

OsTag* table() {
  return __atomic_load_n(&state.slots, __ATOMIC_ACQUIRE);
}

uint32_t used_slots() {
  const uint32_t used = __atomic_load_n(&state.used, __ATOMIC_ACQUIRE);
  return used < kSlots ? used : kSlots;
}

OsTag* take_rested(OsTag* slots) {
  const uint32_t freed = __atomic_load_n(&state.freed, __ATOMIC_RELAXED);
  for (uint32_t i = 0; i < kSlots; ++i) {
    OsTag* tag = slots + i;
    if (phase_of(tag) == OsPhase::kDead && freed - read_relaxed(tag->freed_as) > kResting &&
        change_phase(tag, OsPhase::kDead, OsPhase::kChanging)) {
      return tag;
    }
  }
  return nullptr;
}

}  // namespace

OsTag* take_os_tag() {
  OsTag* slots = map_once(&state.slots, kSlots);
  if (slots == nullptr) {
    return nullptr;
  }
  uint32_t used = __atomic_load_n(&state.used, __ATOMIC_RELAXED);
  while (used < kSlots) {
    if (__atomic_compare_exchange_n(&state.used, &used, used + 1, true, __ATOMIC_ACQ_REL,
                                    __ATOMIC_RELAXED)) {
      __atomic_store_n(&slots[used].phase, OsPhase::kChanging, __ATOMIC_RELEASE);
      return &slots[used];
    }
  }
  return take_rested(slots);
}

void bury_os_tag(OsTag* tag) {
  forget_new_sites(&tag->account);
  write_relaxed(tag->freed_as, __atomic_fetch_add(&state.freed, 1U, __ATOMIC_RELAXED));
  __atomic_store_n(&tag->phase, OsPhase::kDead, __ATOMIC_RELEASE);
}

TagId inherit_tag_id(const char* name) {
  OsTag* slots = table();
  for (uint32_t i = 0; i < used_slots(); ++i) {
    if (phase_of(&slots[i]) == OsPhase::kDead && std::strcmp(slots[i].name, name) == 0) {
      const TagId id = __atomic_exchange_n(&slots[i].account.tag, TagId::kNone, __ATOMIC_ACQ_REL);
      if (id != TagId::kNone) {
        return id;
      }
    }
  }
  return TagId::kNone;
}

uint32_t number_of(const OsTag* tag) {
  return static_cast<uint32_t>(tag - table());
}

const OsTag* os_tag_of(const allocator::BlockRecord* record) {
  return table() + record->freed_at;
}

bool is_os_tag(const void* address) {
  const OsTag* slots = table();
  const auto offset = reinterpret_cast<uintptr_t>(address) - reinterpret_cast<uintptr_t>(slots);
  return slots != nullptr && offset < used_slots() * sizeof(OsTag) && offset % sizeof(OsTag) == 0;
}

OsTag* next_os_tag(uint64_t serial) {
  OsTag* slots = table();
  OsTag* next = nullptr;
  for (uint32_t i = 0; slots != nullptr && i < used_slots(); ++i) {
    OsTag* tag = &slots[i];
    const OsPhase phase = phase_of(tag);
    if ((phase == OsPhase::kLive || phase == OsPhase::kReleased) && tag->serial > serial &&
        (next == nullptr || tag->serial < next->serial)) {
      next = tag;
    }
  }
  return next;
}

uint64_t new_serial() {
  return __atomic_add_fetch(&state.serial, uint64_t{1}, __ATOMIC_RELAXED);
}

}  // namespace heaptag::zone
