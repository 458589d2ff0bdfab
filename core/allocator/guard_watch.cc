#include "core/allocator/guard_watch.h"

#include "core/base/glob.h"
#include "core/base/text.h"
#include "core/os/watchpoint.h"
#include "core/safety/guard_padding.h"
#include "core/safety/guard_record.h"
#include "core/tag/modules.h"
#include "core/tag/owners.h"

namespace heaptag::allocator {

using safety::GuardedBlock;
using safety::GuardRecord;
using safety::record_of;

namespace {

// `is_taken` is never waited for: who finds it set leaves the watchpoint alone, wherever it stands.
// A trap that belongs to no live block is to nobody's harm.
struct Slot {
  uint32_t is_taken;
  uintptr_t word;  // 0: not in use
};

struct Watching {
  bool is_on;
  uint32_t turn;
  Slot slots[os::kWatchpoints];
};

constinit Watching watching{};

bool take(Slot* slot) {
  return __atomic_exchange_n(&slot->is_taken, 1U, __ATOMIC_ACQUIRE) == 0;
}

void give_back(Slot* slot) {
  __atomic_store_n(&slot->is_taken, 0U, __ATOMIC_RELEASE);
}

bool is_for_c_library(const GuardRecord& record) {
  const wire::ModuleRecord& module = tag::modules()[tag::owners()[record.owner].module];
  return is_of_c_library(reinterpret_cast<const char*>(module.path));
}

// If it stands there still.
void unwatch(unsigned which, uintptr_t word) {
  Slot& slot = watching.slots[which];
  if (!take(&slot)) {
    return;
  }
  if (slot.word == word) {
    slot.word = 0;
    os::unwatch(which);
  }
  give_back(&slot);
}

}  // namespace

bool is_of_c_library(const char* path) {
  return any_glob_matches("libc.so* libc-2* ld-linux* ld-2* libheaptag-strings.so*",
                          base_name(path));
}

void start_watching() {
  watching.is_on = true;
}

void watch_padding(GuardedBlock* block) {
  if (!watching.is_on) {
    return;
  }
  GuardRecord* record = record_of(block);
  const uintptr_t word = safety::watchable_word(*block);
  if (word == 0 || is_for_c_library(*record)) {
    return;
  }
  const unsigned which =
      __atomic_fetch_add(&watching.turn, 1U, __ATOMIC_RELAXED) % os::kWatchpoints;
  Slot& slot = watching.slots[which];
  if (!take(&slot)) {
    return;
  }
  __atomic_store_n(&record->watched, static_cast<uint8_t>(which + 1), __ATOMIC_RELEASE);
  slot.word = os::watch(which, word, false) ? word : 0;
  give_back(&slot);
}

void unwatch_padding(GuardedBlock* block) {
  const uint8_t watched =
      __atomic_exchange_n(&record_of(block)->watched, uint8_t{0}, __ATOMIC_RELAXED);
  if (watched != 0) {
    unwatch(watched - 1U, safety::watchable_word(*block));
  }
}

GuardedBlock* take_watched(unsigned which, uintptr_t address) {
  GuardedBlock* block = safety::find_guarded(address);
  auto expected = static_cast<uint8_t>(which + 1);
  const bool is_told =
      block != nullptr && safety::is_live(*block) && safety::watchable_word(*block) == address &&
      __atomic_compare_exchange_n(&record_of(block)->watched, &expected, uint8_t{0}, false,
                                  __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
  unwatch(which, address);
  return is_told ? block : nullptr;
}

}  // namespace heaptag::allocator
