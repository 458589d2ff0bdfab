// OSMalloc: tags, and blocks that belong to them. What is here has the names and the rules of
// preload/include/heaptag/osmalloc.h, which documents them. Layer: core/zone.
// Source: OSMalloc.h, Apple KPI reference, 2010-07-29; the dialects: XNU, osfmk/kern/kalloc.c.
#pragma once

#include "core/zone/zone.h"

namespace heaptag::zone {

struct OsTag;

enum class OsDialect : uint8_t { kStrict, kXnu, kXnu7195 };

/// Before the first call.
void set_os_dialect(OsDialect dialect);

OsTag* os_tag_alloc(const char* name, uint32_t flags, uintptr_t pc);
void os_tag_free(OsTag* tag);

enum class OsCall { kMalloc, kNoblock, kNowait };

void* os_malloc(uint32_t size, OsTag* tag, OsCall call, uintptr_t pc);
void os_free(void* block, uint32_t size, OsTag* tag, uintptr_t pc);
uint32_t os_malloc_size(const void* block);

inline constexpr size_t kOsNameBytes = 64;

struct OsFigures {
  uint64_t count;
  uint32_t state;
  uint32_t attributes;
  const char* name;
  const wire::AccountRecord* account;
};

/// False when it is no tag, or one that was released and has no block.
bool os_figures(const OsTag* tag, OsFigures* figures);

/// In the order in which they were created.
OsTag* os_next_tag(const OsTag* after);

}  // namespace heaptag::zone
