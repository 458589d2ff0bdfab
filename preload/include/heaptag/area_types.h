/* heaptag/area_types.h: types and constants of BeOS, as far as heaptag/area.h needs them, with the
 * values of BeOS and Haiku.
 *
 * What a program has already is left alone where that can be seen: constants always; types when
 * they are the same, or with HEAPTAG_AREA_NO_TYPES defined. */
#ifndef HEAPTAG_AREA_TYPES_H
#define HEAPTAG_AREA_TYPES_H

#include <stdint.h>

#ifndef HEAPTAG_AREA_NO_TYPES
typedef int32_t int32;
typedef uint32_t uint32;
typedef int32 area_id;
typedef int32 team_id;
typedef int32 status_t;
#endif

#ifndef B_PAGE_SIZE
#  define B_PAGE_SIZE 4096
#endif
#ifndef B_OS_NAME_LENGTH
#  define B_OS_NAME_LENGTH 32 /* with the NUL */
#endif

/* Where an area is to start. */
#ifndef B_ANY_ADDRESS
#  define B_ANY_ADDRESS 0        /* anywhere; *addr is ignored */
#  define B_EXACT_ADDRESS 1      /* at *addr, or not at all */
#  define B_BASE_ADDRESS 2       /* at the first free place at or above *addr, from 64 KiB on */
#  define B_CLONE_ADDRESS 3      /* clone_area: where the source is */
#  define B_ANY_KERNEL_ADDRESS 4 /* anywhere; the area is the system's and survives the process */
#endif
#ifndef B_RANDOMIZED_ANY_ADDRESS
#  define B_RANDOMIZED_ANY_ADDRESS 6  /* Haiku's dialect: B_ANY_ADDRESS */
#  define B_RANDOMIZED_BASE_ADDRESS 7 /* Haiku's dialect: B_BASE_ADDRESS */
#endif

/* How its pages stay in memory. */
#ifndef B_NO_LOCK
#  define B_NO_LOCK 0    /* they may be swapped out */
#  define B_LAZY_LOCK 1  /* each is locked when it is first used */
#  define B_FULL_LOCK 2  /* all are there and locked from the start */
#  define B_CONTIGUOUS 3 /* the same, and they follow each other in physical memory */
#  define B_LOMEM 4      /* below 16 MB of physical memory: B_NO_MEMORY, no program can have that */
#endif
#ifndef B_32_BIT_FULL_LOCK
#  define B_32_BIT_FULL_LOCK 5  /* Haiku; B_NO_MEMORY */
#  define B_32_BIT_CONTIGUOUS 6 /* Haiku; B_NO_MEMORY */
#endif

/* What may be done with it; 0: nothing. A mask. */
#ifndef B_READ_AREA
#  define B_READ_AREA 1
#  define B_WRITE_AREA 2 /* x86 lets it be read, too */
#endif
#ifndef B_EXECUTE_AREA
#  define B_EXECUTE_AREA 4 /* this and the following: in Haiku's dialect only */
#  define B_STACK_AREA 8
#endif
#ifndef B_CLONEABLE_AREA
#  define B_CLONEABLE_AREA 0x100
#endif

/* Errors: all negative, so that every id, which is positive, tells itself from them. */
#ifndef B_OK
#  define B_OK 0
#endif
#ifndef B_ERROR
#  define B_ERROR (-1)
#endif
#ifndef B_GENERAL_ERROR_BASE
#  define B_GENERAL_ERROR_BASE INT32_MIN
#endif
#ifndef B_OS_ERROR_BASE
#  define B_OS_ERROR_BASE (B_GENERAL_ERROR_BASE + 0x1000)
#endif
#ifndef B_STORAGE_ERROR_BASE
#  define B_STORAGE_ERROR_BASE (B_GENERAL_ERROR_BASE + 0x6000)
#endif
#ifndef B_NO_MEMORY
#  define B_NO_MEMORY (B_GENERAL_ERROR_BASE + 0)
#endif
#ifndef B_BAD_VALUE
#  define B_BAD_VALUE (B_GENERAL_ERROR_BASE + 5)
#endif
#ifndef B_NAME_NOT_FOUND
#  define B_NAME_NOT_FOUND (B_GENERAL_ERROR_BASE + 7)
#endif
#ifndef B_NOT_ALLOWED
#  define B_NOT_ALLOWED (B_GENERAL_ERROR_BASE + 15)
#endif
#ifndef B_BAD_TEAM_ID
#  define B_BAD_TEAM_ID (B_OS_ERROR_BASE + 0x103)
#endif
#ifndef B_BAD_ADDRESS
#  define B_BAD_ADDRESS (B_OS_ERROR_BASE + 0x301)
#endif
#ifndef B_ENTRY_NOT_FOUND
#  define B_ENTRY_NOT_FOUND (B_STORAGE_ERROR_BASE + 3)
#endif

/* Teams: process ids, and these. */
#ifndef B_CURRENT_TEAM
#  define B_CURRENT_TEAM 0
#endif
#ifndef B_SYSTEM_TEAM
#  define B_SYSTEM_TEAM 1 /* owns the areas of B_ANY_KERNEL_ADDRESS */
#endif

#endif
