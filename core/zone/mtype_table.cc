#include "core/zone/mtype_table.h"

#include <cstring>

#include "core/allocator/deferred.h"
#include "core/base/text.h"
#include "core/os/clock.h"
#include "core/zone/map_once.h"
#include "core/zone/zone.h"

namespace heaptag::zone {

namespace {

constexpr int kFirstMade = kTemp + 1;

struct Table {
  Mtype* types;  // kMtypes of them; null: nobody has asked yet
  int made;      // so many have a number from kFirstMade on
};

constinit Table table{};

MtypePhase phase_of(const Mtype& type) {
  return __atomic_load_n(&type.phase, __ATOMIC_ACQUIRE);
}

bool change_phase(Mtype* type, MtypePhase from, MtypePhase to) {
  return __atomic_compare_exchange_n(&type->phase, &from, to, false, __ATOMIC_ACQ_REL,
                                     __ATOMIC_RELAXED);
}

void set_phase(Mtype* type, MtypePhase to) {
  __atomic_store_n(&type->phase, to, __ATOMIC_RELEASE);
}

// Pre: in phase kChanging.
bool fill(Mtype* type, std::string_view name, uint64_t limit, uintptr_t pc) {
  const size_t length = name.size() < kMtypeNameBytes ? name.size() : kMtypeNameBytes - 1;
  std::memset(type->name, 0, kMtypeNameBytes);
  std::memcpy(type->name, name.data(), length);
  type->account.number = static_cast<uint32_t>(type - table.types);
  if (!open_account(&type->account, type->name, wire::TagOrigin::kMtype, pc)) {
    set_phase(type, MtypePhase::kUnused);
    return false;
  }
  write_relaxed(type->account.figures.limit_bytes, limit);
  set_phase(type, MtypePhase::kUsable);
  return true;
}

const char* given_name(int number) {
  return number == kDevbuf ? "devbuf" : number == kTemp ? "temp" : nullptr;
}

// The types that every program has are made when they are first used. Should whoever makes one
// never come to an end (a fork, a signal handler that has interrupted it), somebody else does.
void make_given(Mtype* type, int number, uintptr_t pc) {
  constexpr unsigned kPatience = 1000;
  for (unsigned tries = 0; phase_of(*type) < MtypePhase::kUsable; ++tries) {
    if (change_phase(type, MtypePhase::kUnused, MtypePhase::kChanging) || tries == kPatience) {
      const allocator::QuietScope quiet;
      const auto here = reinterpret_cast<uintptr_t>(__builtin_return_address(0));
      const uintptr_t site = pc == 0 ? here : pc;
      if (!prepare(&mtype_zone()) || !fill(type, given_name(number), 0, site)) {
        set_phase(type, MtypePhase::kUnused);
      }
      return;
    }
    os::sleep_ns(1000);
  }
}

// What a type of this name has left behind, usable again.
int take_left(std::string_view name) {
  for (int i = kFirstMade; i < kMtypes; ++i) {
    Mtype* type = &table.types[i];
    const MtypePhase phase = phase_of(*type);
    if ((phase == MtypePhase::kDetached || phase == MtypePhase::kRetired) &&
        take_first(name, kMtypeNameBytes - 1) == type->name &&
        change_phase(type, phase, MtypePhase::kUsable)) {
      return i;
    }
  }
  return -1;
}

int take_number() {
  int made = read_relaxed(table.made);
  while (made < kMtypes - kFirstMade &&
         !__atomic_compare_exchange_n(&table.made, &made, made + 1, true, __ATOMIC_RELAXED,
                                      __ATOMIC_RELAXED)) {
  }
  return made < kMtypes - kFirstMade ? kFirstMade + made : -1;
}

}  // namespace

Mtype* find_mtype(int number, uintptr_t pc) {
  number &= ~kStale;
  if (number <= 0 || number >= kMtypes) {
    return nullptr;
  }
  Mtype* types = map_once(&table.types, kMtypes);
  if (unlikely(types == nullptr)) {
    return nullptr;
  }
  Mtype* type = &types[number];
  if (unlikely(phase_of(*type) < MtypePhase::kUsable) && given_name(number) != nullptr) {
    make_given(type, number, pc);
  }
  const MtypePhase phase = phase_of(*type);
  return phase >= MtypePhase::kUsable ? type : nullptr;
}

Mtype* find_usable_mtype(int number, uintptr_t pc) {
  if ((number & kStale) != 0) {
    return nullptr;
  }
  Mtype* type = find_mtype(number, pc);
  return type != nullptr && phase_of(*type) != MtypePhase::kDetached ? type : nullptr;
}

int make_mtype(std::string_view name, uint64_t limit, uintptr_t pc) {
  if (!prepare(&mtype_zone()) || map_once(&table.types, kMtypes) == nullptr) {
    return -1;
  }
  const int left = take_left(name);
  if (left != -1) {
    write_relaxed(table.types[left].account.figures.limit_bytes, limit);
    return left;
  }
  const int number = take_number();
  if (number == -1) {
    return -1;
  }
  set_phase(&table.types[number], MtypePhase::kChanging);
  return fill(&table.types[number], name, limit, pc) ? number : -1;
}

void detach_mtype(Mtype* type) {
  set_phase(type, MtypePhase::kDetached);
}

void retire_mtype(Mtype* type) {
  change_phase(type, MtypePhase::kUsable, MtypePhase::kRetired);
}

Mtype* mtype_of(const safety::BlockRecord* record) {
  return &table.types[record->freed_at];
}

}  // namespace heaptag::zone
