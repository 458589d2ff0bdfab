// Invariants as code. A broken one is a bug of heaptag: the process stops at once, without a word
// through any library, because nothing can be trusted any more.
// Layer: core/base.
#pragma once

// Always on: for what would corrupt the program's data.
#define HEAPTAG_CHECK(condition)           \
  do {                                     \
    if (__builtin_expect(!(condition), 0)) \
      __builtin_trap();                    \
  } while (false)

// On in Debug builds (HEAPTAG_CHECKS): may cost.
#ifdef HEAPTAG_CHECKS
#  define HEAPTAG_DCHECK(condition) HEAPTAG_CHECK(condition)
#else
#  define HEAPTAG_DCHECK(condition) \
    do {                            \
    } while (false)
#endif
