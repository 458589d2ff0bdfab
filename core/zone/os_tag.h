// The tags of OSMalloc: a table beside the heap, so that a handle can be told from anything else.
// No lock: a slot changes hands by its phase. Layer: core/zone.
#pragma once

#include "core/zone/osmalloc.h"

namespace heaptag::zone {

/// What XNU keeps in a tag, as far as its messages show it.
inline constexpr uint32_t kValidState = 0xDEAB0000;
inline constexpr uint32_t kReleasedState = 0xDEAB0001;

enum class OsPhase : uint32_t {
  kUnused = 0,
  kChanging,
  kLive,
  kReleased,  // by Tagfree; blocks are in use
  kDead,      // and none is, for ever
};

struct alignas(64) OsTag {
  OsPhase phase;
  uint32_t state;
  uint32_t attributes;
  uint32_t freed_as;  // how many tags had been freed before it
  uint64_t serial;    // in the order of creation, from 1 on
  char name[kOsNameBytes];
  Account account;
};

/// A slot for a new tag, in phase kChanging; null without memory, or when there are too many.
OsTag* take_os_tag();

/// The tag is in use by nobody any more. It rests before the slot is used again.
void bury_os_tag(OsTag* tag);

/// Gives the id of a buried tag of this name away: two that follow each other are one in reports.
TagId inherit_tag_id(const char* name);

uint32_t number_of(const OsTag* tag);

/// The tag of an element's record.
const OsTag* os_tag_of(const allocator::BlockRecord* record);

/// Is this the address of a tag, whatever its phase?
bool is_os_tag(const void* address);

/// The one after `serial` that is in use. Null: there is none.
OsTag* next_os_tag(uint64_t serial);

uint64_t new_serial();

inline OsPhase phase_of(const OsTag* tag) {
  return __atomic_load_n(&tag->phase, __ATOMIC_ACQUIRE);
}

inline bool change_phase(OsTag* tag, OsPhase from, OsPhase to) {
  return __atomic_compare_exchange_n(&tag->phase, &from, to, false, __ATOMIC_ACQ_REL,
                                     __ATOMIC_RELAXED);
}

}  // namespace heaptag::zone
