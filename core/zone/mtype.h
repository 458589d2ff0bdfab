// MALLOC and FREE: types, and blocks that belong to them. What is here has the names and the rules
// of preload/include/heaptag/mtype.h and malloc_type.h, which document them. Layer: core/zone.
// Source: malloc(9r) of OSF/1; kern_malloc.c of 4.4BSD-Lite2; malloc(9) of NetBSD.
#pragma once

#include "core/zone/mtype_table.h"
#include "core/zone/zone.h"

namespace heaptag::zone {

inline constexpr int kNoWait = 1;
inline constexpr int kZero = 2;

/// Before the first call.
void set_limit_patience(uint64_t limit_ms);

void* mtype_malloc(size_t size, int type, int flags, uintptr_t pc);
void mtype_free(void* block, int type, uintptr_t pc);

/// 0: there is no such type.
bool mtype_set_limit(int type, uint64_t limit);

/// How many freed blocks of MALLOC have been written to.
unsigned mtype_verify();

}  // namespace heaptag::zone
