// The types of MALLOC, by number. Layer: core/zone.  Locks: none; types come by turns of a counter,
// and never go.
#pragma once

#include <string_view>

#include "core/safety/block_record.h"
#include "core/zone/account.h"

namespace heaptag::zone {

inline constexpr int kMtypes = 512;
inline constexpr int kDevbuf = 2;
inline constexpr int kTemp = 3;
inline constexpr size_t kMtypeNameBytes = 64;

enum class MtypePhase : uint32_t {
  kUnused = 0,
  kChanging,
  kUsable,
  kRetired,   // usable; the next type of its name takes it on
  kDetached,  // not for new blocks; the same
};

struct Mtype {
  Account account;
  const void* handle;  // of who has attached it last; null: nobody
  char name[kMtypeNameBytes];
  MtypePhase phase;
  uint32_t freed;    // changes when somebody who waits at the limit may look again
  uint32_t waiting;  // calls that wait there
};

/// Added to the number of a type that somebody else has taken on: it may be freed, and no more.
inline constexpr int kStale = 1 << 16;

/// The type with this number, whatever its phase, if there ever was one. Null: there was none.
/// `pc`: of the call, which may be the first that wants it.
Mtype* find_mtype(int number, uintptr_t pc = 0);

/// The same for a type that blocks may be allocated for.
Mtype* find_usable_mtype(int number, uintptr_t pc = 0);

/// A new type, or a detached or retired one of this name. -1: no number is left, or no memory.
/// Waits.
int make_mtype(std::string_view name, uint64_t limit, uintptr_t pc);

void detach_mtype(Mtype* type);
void retire_mtype(Mtype* type);

/// Of an element's record.
Mtype* mtype_of(const safety::BlockRecord* record);

}  // namespace heaptag::zone
