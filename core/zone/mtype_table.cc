#include "core/zone/mtype_table.h"

#include <cstring>

#include "core/base/text.h"
#include "core/tag/tags.h"
#include "core/zone/zone.h"

namespace heaptag::zone {

namespace {

constexpr int kFirstMade = kTemp + 1;

struct Table {
  Mtype types[kMtypes];
  int next;  // of those that are made
};

constinit Table table{{}, kFirstMade};

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

// The types that every program has are made when they are first used.
void make_given(Mtype* type, int number) {
  const char* name = given_name(number);
  if (name != nullptr && change_phase(type, MtypePhase::kUnused, MtypePhase::kChanging)) {
    if (prepare(&mtype_zone())) {
      fill(type, name, 0, reinterpret_cast<uintptr_t>(__builtin_return_address(0)));
    } else {
      set_phase(type, MtypePhase::kUnused);
    }
  }
  while (phase_of(*type) == MtypePhase::kChanging) {
    __builtin_ia32_pause();
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
  int next = read_relaxed(table.next);
  while (next < kMtypes && !__atomic_compare_exchange_n(&table.next, &next, next + 1, true,
                                                        __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
  }
  return next < kMtypes ? next : -1;
}

}  // namespace

Mtype* find_mtype(int number) {
  if (number <= 0 || number >= kMtypes) {
    return nullptr;
  }
  Mtype* type = &table.types[number];
  if (unlikely(phase_of(*type) == MtypePhase::kUnused)) {
    make_given(type, number);
  }
  const MtypePhase phase = phase_of(*type);
  return phase >= MtypePhase::kUsable ? type : nullptr;
}

Mtype* find_usable_mtype(int number) {
  Mtype* type = find_mtype(number);
  return type != nullptr && phase_of(*type) != MtypePhase::kDetached ? type : nullptr;
}

int make_mtype(std::string_view name, uint64_t limit, uintptr_t pc) {
  if (!prepare(&mtype_zone())) {
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

Mtype* mtype_of_tag(TagId tag) {
  const uint64_t account = tag == TagId::kNone ? 0 : tag::tags()[index_of(tag)].account;
  static_assert(offsetof(Mtype, account) == 0 && offsetof(Account, figures) == 0);
  auto* type = reinterpret_cast<Mtype*>(account);
  return type >= table.types && type < table.types + kMtypes ? type : nullptr;
}

}  // namespace heaptag::zone
