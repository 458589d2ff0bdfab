#include "core/zone/osmalloc.h"

#include <cstring>

#include "core/base/format.h"
#include "core/base/text.h"
#include "core/base/utf8.h"
#include "core/os/process.h"
#include "core/os/vm.h"
#include "core/safety/panic.h"
#include "core/zone/complaint.h"
#include "core/zone/os_tag.h"
#include "core/zone/say.h"

namespace heaptag::zone {

using safety::Kind;
using safety::panic;

namespace {

constexpr uint32_t kPageable = 1;
constexpr size_t kPage = os::kPageBytes;
constexpr uint32_t kMostNoblockXnu = 8192;

constinit OsDialect dialect = OsDialect::kStrict;

bool is_strict() {
  return dialect == OsDialect::kStrict;
}

NumberText state_text(uint32_t state) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  NumberText text;
  text.append("0x");
  for (int shift = 28; shift >= 0; shift -= 4) {
    text.append(kDigits[state >> shift & 15]);
  }
  return text;
}

void panic_about_state(std::string_view function, const OsTag* tag) {
  if (tag == nullptr) {
    return panic({function, "(): no tag"});
  }
  if (!is_os_tag(tag)) {
    uint32_t state = 0;
    os::read_own_memory(&tag->state, &state, sizeof(state));
    return panic({function, "():'?' has bad state ", state_text(state).view(),
                  ": it is no tag of OSMalloc_Tagalloc's"});
  }
  panic({function, "():'", tag->name, "' has bad state ", state_text(tag->state).view()});
}

uint64_t live_blocks(const OsTag* tag) {
  const wire::AccountRecord& figures = tag->account.figures;
  const uint64_t frees = read_relaxed(figures.frees);
  const uint64_t allocations = read_relaxed(figures.allocations);
  return allocations > frees ? allocations - frees : 0;
}

uint64_t count_of(const OsTag* tag) {
  return live_blocks(tag) + (phase_of(tag) == OsPhase::kLive ? 1 : 0);
}

// May blocks of it be allocated or freed?
bool is_usable(const OsTag* tag) {
  if (tag == nullptr || !is_os_tag(tag)) {
    return false;
  }
  const OsPhase phase = phase_of(tag);
  return phase == OsPhase::kLive || (phase == OsPhase::kReleased && !is_strict());
}

// The last block of a tag that was released: now nothing is left of it.
void bury_if_drained(OsTag* tag) {
  if (phase_of(tag) == OsPhase::kReleased && live_blocks(tag) == 0 &&
      read_relaxed(tag->account.figures.live_usable) == 0 &&
      change_phase(tag, OsPhase::kReleased, OsPhase::kChanging)) {
    bury_os_tag(tag);
  }
}

// The first 63 bytes, or less: no character is cut in two.
void copy_name(const char* from, char* to) {
  const std::string_view name = from;
  size_t length = 0;
  while (length < name.size()) {
    const size_t next = length + decode_utf8(drop_first(name, length)).length_bytes;
    if (next >= kOsNameBytes) {
      break;
    }
    length = next;
  }
  std::memset(to, 0, kOsNameBytes);
  std::memcpy(to, name.data(), length);
}

void list_leaks(const OsTag* tag) {
  const uint64_t blocks = live_blocks(tag);
  say({"OSMalloc tag '", tag->name, "' was freed with ", format_grouped(blocks).view(),
       blocks == 1 ? " block (" : " blocks (",
       format_grouped(read_relaxed(tag->account.figures.live_bytes)).view(), " bytes) in use:"});
  if (listener.list_sites != nullptr) {
    listener.list_sites(tag->account.tag);
  }
}

struct Free {
  const void* passed;
  uint32_t size;
  OsTag* tag;
  uintptr_t pc;
};

// Panics about what is wrong with a call of OSFree. False: nothing is.
bool is_refused(const Free& call, const Found& found) {
  const NumberText address = format_hex(reinterpret_cast<uintptr_t>(call.passed));
  const auto complain = [&](Kind kind) {
    tell_complaint({kind, call.passed, found.block, call.pc, call.size});
  };
  if (found.what == What::kForeign) {
    complain(Kind::kInvalidFree);
    panic({"OSFree(): ", address.view(), " is no block of OSMalloc"});
  } else if (found.what == What::kInterior) {
    complain(Kind::kInteriorFree);
    panic({"OSFree(): ", address.view(), " lies ", format_decimal(found.offset).view(),
           " bytes inside of a block"});
  } else if (found.what == What::kFreed) {
    complain(Kind::kDoubleFree);
    if (live_blocks(call.tag) == 0) {
      panic({"OSMalloc_Tagrele():'", call.tag->name, "' has refcnt 0"});
    } else {
      panic({"OSFree(): ", address.view(), " was freed already"});
    }
  } else if (const OsTag* own = os_tag_of(found.block.record); own != call.tag) {
    complain(Kind::kTagMismatch);
    panic({"OSFree(): ", address.view(), " belongs to '", own->name, "', not to '", call.tag->name,
           "'"});
  } else if (is_strict() ? call.size != found.block.requested
                         : call.size > usable_bytes(found.block)) {
    complain(Kind::kSizeMismatch);
    panic({"OSFree(): ", address.view(), " has ", format_decimal(found.block.requested).view(),
           " bytes, not ", format_decimal(call.size).view()});
  } else {
    return false;
  }
  return true;
}

// Nothing lies there: the kernel's last version takes it for a free of the tag all the same.
void free_nothing(OsTag* tag) {
  if (dialect != OsDialect::kXnu7195) {
    return panic({"OSFree(): no block"});
  }
  if (live_blocks(tag) == 0) {
    return panic({"OSMalloc_Tagrele():'", tag->name, "' has refcnt 0"});
  }
  add(tag->account.figures.frees);
  bury_if_drained(tag);
}

void* allocate_for(OsTag* tag, uint32_t size, bool may_wait, uintptr_t pc) {
  Request request{size, pc, may_wait};
  const bool is_pageable = (tag->attributes & kPageable) != 0 && size >= kPage;
  if (is_pageable && may_wait) {
    request.own_pages = true;
  } else if (is_pageable) {
    request.at_least = (size_t{size} + kPage - 1) & ~(kPage - 1);  // such elements begin at a page
  }
  void* block = allocate(&osmalloc_zone(), &tag->account, request);
  if (is_pageable && !may_wait && block != nullptr) {
    std::memset(block, 0, size);
  }
  return block;
}

}  // namespace

void set_os_dialect(OsDialect wanted) {
  dialect = wanted;
}

OsTag* os_tag_alloc(const char* name, uint32_t flags, uintptr_t pc) {
  if (name == nullptr) {
    panic({"OSMalloc_Tagalloc(): no name"});
    return nullptr;
  }
  if (!prepare(&osmalloc_zone())) {
    return nullptr;
  }
  OsTag* tag = take_os_tag();
  if (tag == nullptr) {
    return nullptr;
  }
  copy_name(name, tag->name);
  clear_words(&tag->account.figures);
  tag->account.number = number_of(tag);
  tag->account.tag = inherit_tag_id(tag->name);
  if (!open_account(&tag->account, tag->name, wire::TagOrigin::kOsmalloc, pc)) {
    bury_os_tag(tag);
    return nullptr;
  }
  tag->attributes = flags & kPageable;
  tag->state = kValidState;
  tag->serial = new_serial();
  __atomic_store_n(&tag->phase, OsPhase::kLive, __ATOMIC_RELEASE);
  return tag;
}

void os_tag_free(OsTag* tag) {
  if (tag == nullptr || !is_os_tag(tag) || !change_phase(tag, OsPhase::kLive, OsPhase::kReleased)) {
    return panic_about_state("OSMalloc_Tagfree", tag);
  }
  write_relaxed(tag->state, kReleasedState);
  if (live_blocks(tag) != 0) {
    list_leaks(tag);
  } else {
    bury_if_drained(tag);
  }
}

void* os_malloc(uint32_t size, OsTag* tag, OsCall call, uintptr_t pc) {
  const bool may_wait = call == OsCall::kMalloc;
  if (tag == nullptr) {
    panic({may_wait                   ? "OSMalloc"
           : call == OsCall::kNoblock ? "OSMalloc_noblock"
                                      : "OSMalloc_nowait",
           "(): no tag"});
    return nullptr;
  }
  const bool is_xnu_noblock = !may_wait && !is_strict() && is_os_tag(tag);
  if (is_xnu_noblock && ((tag->attributes & kPageable) != 0 || size > kMostNoblockXnu)) {
    return is_usable(tag) ? count_failure(&tag->account, pc) : nullptr;
  }
  if (!is_usable(tag)) {
    panic_about_state("OSMalloc_Tagref", tag);
    return nullptr;
  }
  return allocate_for(tag, size, may_wait, pc);
}

void os_free(void* block, uint32_t size, OsTag* tag, uintptr_t pc) {
  if (tag == nullptr) {
    return panic({"OSFree(): no tag"});
  }
  const Found found = find(osmalloc_zone(), block);
  if (!is_usable(tag)) {
    if (is_os_tag(tag)) {
      tell_complaint({Kind::kTagReleased, block, found.block, pc, size});
    }
    return panic_about_state("OSMalloc_Tagref", tag);
  }
  if (block == nullptr) {
    return free_nothing(tag);
  }
  if (is_refused({block, size, tag, pc}, found)) {
    return;
  }
  if (!release(&osmalloc_zone(), &tag->account, found, pc, true)) {
    is_refused({block, size, tag, pc}, {What::kFreed, found.block});
    return;
  }
  bury_if_drained(tag);
}

uint32_t os_malloc_size(const void* block) {
  const Found found = find(osmalloc_zone(), block);
  if (found.what == What::kLive) {
    const size_t bytes = usable_bytes(found.block);
    return bytes < UINT32_MAX ? static_cast<uint32_t>(bytes) : UINT32_MAX;
  }
  const NumberText address = format_hex(reinterpret_cast<uintptr_t>(block));
  panic({"OSMalloc_size(): ", address.view(),
         found.what == What::kForeign    ? " is no block of OSMalloc"
         : found.what == What::kInterior ? " lies inside of a block"
                                         : " was freed already"});
  return 0;
}

bool os_figures(const OsTag* tag, OsFigures* figures) {
  if (tag == nullptr || !is_os_tag(tag)) {
    return false;
  }
  const OsPhase phase = phase_of(tag);
  if (phase != OsPhase::kLive && phase != OsPhase::kReleased) {
    return false;
  }
  *figures = {count_of(tag), tag->state, tag->attributes, tag->name, &tag->account.figures};
  return true;
}

OsTag* os_next_tag(const OsTag* after) {
  if (after != nullptr && !is_os_tag(after)) {
    return nullptr;
  }
  return next_os_tag(after == nullptr ? 0 : after->serial);
}

}  // namespace heaptag::zone
