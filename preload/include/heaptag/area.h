/* heaptag/area.h: areas, the shared memory of BeOS.
 *
 * An area is a piece of memory with a name and a number. Other processes ("teams") of the same user
 * find it by name and clone it: their area shows the same memory, at an address and with a
 * protection of its own. When one of them resizes an area, all others see the new size at once. An
 * area ends with delete_area or with its process; the memory is freed with the last area that shows
 * it, however its process ended.
 *
 *     void* at;
 *     area_id id = create_area("frames", &at, B_ANY_ADDRESS, 16 * B_PAGE_SIZE, B_NO_LOCK,
 *                              B_READ_AREA | B_WRITE_AREA);
 *     ...
 *     delete_area(id);
 *
 * Link with -lheaptag-areas, or preload libheaptag-areas.so. The library exports heaptag_* only:
 * the functions below are other spellings of those, so that a program that has a create_area or
 * find_area of its own runs unchanged.
 *
 * Source: the Be Book (kernel kit, areas); where Haiku differs, HEAPTAG_AREAS_DIALECT=haiku has
 * its return codes. Names are cut off behind 31 characters, as both do.
 *
 * All functions. Units: sizes in bytes, multiples of B_PAGE_SIZE. Threads: safe. Signals: safe, all
 * are blocked meanwhile. fork: the child has all areas of its parent, under ids of its own
 * (HEAPTAG_AREAS_FORK says whether it shares the memory); exec: the areas end. errno: preserved.
 * Ownership: names and structures are copied; the memory at an area's address is the area's. Where
 * a function may return B_ERROR, also: there is no registry (/dev/shm/heaptag-areas-UID cannot be
 * made, or is broken). */
#ifndef HEAPTAG_AREA_H
#define HEAPTAG_AREA_H

#include <stddef.h>
#include <sys/types.h>
#include "area_types.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct area_info {
  area_id area;
  char name[B_OS_NAME_LENGTH];
  size_t size;       /* bytes */
  uint32 lock;       /* as it was created, or as its source was */
  uint32 protection; /* as it is now */
  team_id team;      /* pid of the process that created or cloned it */
  size_t ram_size;   /* bytes of the memory that are in RAM now, whoever uses them */
  uint32 copy_count; /* 0: areas are never copied on write */
  uint32 in_count;   /* pages that came back from swap: what was seen between calls, a minimum */
  uint32 out_count;  /* pages that went there: the same */
  void* address;     /* means something to `team` only */
} area_info;

/* The area of the calling process that an address lies in: anywhere from its start to its last
 * byte. Returns its id, or
 *   B_ERROR      no area: not mapped, or memory that is none (stack, heap, code)
 * Source: area_for, Be Book. */
area_id area_for(void* addr) __asm__("heaptag_area_for");

/* A second area for the memory of `source_area`, of this or another process of the same user.
 *   clone_name        copied, 31 characters; need not be unique
 *   clone_addr        in: where, as clone_addr_spec says; out: where it is
 *   clone_addr_spec   B_ANY_ADDRESS, B_EXACT_ADDRESS, B_BASE_ADDRESS, or B_CLONE_ADDRESS: at the
 *                     address that the source has in its process
 *   clone_protection  of the clone alone; need not be that of the source
 *   source_area       any area, also a clone; its lock is inherited
 * Returns the new id, or
 *   B_BAD_VALUE   a null pointer, an unknown constant, an address that is no multiple of
 *                 B_PAGE_SIZE, one that is taken (exact and clone), no such source
 *   B_NO_MEMORY   no free address, no descriptor, the registry is full, or it cannot be locked
 *   B_NOT_ALLOWED the source's process may not be looked at (it has changed its rights); Haiku's
 *                 dialect: the source is another team's and lacks B_CLONEABLE_AREA or a right
 *   B_ERROR       any other refusal of the system
 * Source: clone_area, Be Book. */
area_id clone_area(const char* clone_name,
                   void** clone_addr,
                   uint32 clone_addr_spec,
                   uint32 clone_protection,
                   area_id source_area) __asm__("heaptag_clone_area");

/* A new area, which reads as zero.
 *   name        copied, 31 characters; need not be unique
 *   addr        in: where, as addr_spec says; out: where it is
 *   addr_spec   B_ANY_ADDRESS, B_EXACT_ADDRESS, B_BASE_ADDRESS or B_ANY_KERNEL_ADDRESS
 *   size        bytes, a multiple of B_PAGE_SIZE, not 0
 *   lock        B_NO_LOCK, B_LAZY_LOCK, B_FULL_LOCK, B_CONTIGUOUS, B_LOMEM; never changes
 *   protection  a mask of B_READ_AREA and B_WRITE_AREA
 * Returns its id, or
 *   B_BAD_VALUE  a null pointer, an unknown constant, an address or size that is no multiple of
 *                B_PAGE_SIZE, an exact address that is taken or that no program may have
 *   B_NO_MEMORY  more than memory and swap, nothing free at or above a base address, pages that
 *                cannot be locked (RLIMIT_MEMLOCK) or do not follow each other, B_LOMEM; no
 *                descriptor, or the registry is full (16,384 areas)
 *   B_ERROR      any other refusal of the system
 * An access behind the end of an area is a fault (SIGBUS). Source: create_area, Be Book. */
area_id create_area(const char* name,
                    void** addr,
                    uint32 addr_spec,
                    size_t size,
                    uint32 lock,
                    uint32 protection) __asm__("heaptag_create_area");

/* Ends an area: its addresses are unmapped, its id means nothing any more. Clones live on; with the
 * last of them the memory is freed. Returns B_OK, or
 *   B_ERROR      no such area (Haiku's dialect: B_BAD_VALUE)
 *   B_BAD_VALUE  it is another process's, with HEAPTAG_AREAS_FOREIGN_DELETE=0 or in Haiku's dialect
 * "Currently, anybody can delete any area": memory of another process's that nobody else shows is
 * freed at once, and that process loses the addresses in its next call here.
 * Source: delete_area, Be Book. */
status_t delete_area(area_id area) __asm__("heaptag_delete_area");

/* The area with a name, of any process of this user; of several the one that was made first.
 * `name`: to the byte; only 31 characters count. Returns its id, or
 *   B_NAME_NOT_FOUND  there is none
 * Source: find_area, Be Book. */
area_id find_area(const char* name) __asm__("heaptag_find_area");

/* What is known of an area, of whatever process. `info` is filled only with B_OK. Returns B_OK, or
 *   B_BAD_VALUE  no such area (Haiku's dialect: B_BAD_TEAM_ID), or `info` is null
 * Source: get_area_info, Be Book. */
status_t get_area_info(area_id area, area_info* info) __asm__("heaptag_get_area_info");

/* The next area of a team, in the order in which they were made.
 *   team    pid, B_SYSTEM_TEAM, or 0: the calling process
 *   cookie  in: 0 before the first; belongs to this function after that. The current area may be
 *           deleted meanwhile, and one that is created comes at the end
 * Returns B_OK, or
 *   B_BAD_VALUE  there are no more, no such team, or a null pointer (Haiku's dialect:
 *                B_ENTRY_NOT_FOUND, B_BAD_TEAM_ID, B_BAD_ADDRESS)
 * Source: get_next_area_info, Be Book. */
status_t get_next_area_info(team_id team,
                            int32* cookie,
                            area_info* info) __asm__("heaptag_get_next_area_info");

/* Makes an area of the calling process longer or shorter at its end, and with it all areas that
 * show the same memory, in all processes, or none of them. It stays where it is, and what is in it
 * stays. New pages read as zero. `new_size`: bytes, a multiple of B_PAGE_SIZE, not 0. Returns B_OK,
 * or
 *   B_BAD_VALUE  no such area, another process's (Haiku's dialect: B_NOT_ALLOWED), a bad size
 *   B_NO_MEMORY  no memory for the new part; it cannot be locked, or cannot be contiguous
 *   B_ERROR      the addresses behind one of the areas are taken
 * Source: resize_area, Be Book. */
status_t resize_area(area_id area, size_t new_size) __asm__("heaptag_resize_area");

/* Sets what may be done with an area of the calling process, with every page of it; clones keep
 * theirs. `new_protection`: a mask of B_READ_AREA and B_WRITE_AREA. Returns B_OK, or
 *   B_BAD_VALUE  no such area, another process's (Haiku's dialect: B_NOT_ALLOWED), unknown bits
 *   B_ERROR      the system refuses: the program has unmapped a part of it
 * Source: set_area_protection, Be Book. */
status_t set_area_protection(area_id area,
                             uint32 new_protection) __asm__("heaptag_set_area_protection");

/* Not of BeOS: forgets areas of processes that have died. Every function does that with what it
 * comes across; `heaptag areas --gc` with all. Returns how many there were, or B_ERROR. */
int32 heaptag_areas_sweep(void);

#ifdef __cplusplus
}

/* Haiku's cookie is an ssize_t. */
#  if __SIZEOF_POINTER__ == 8
inline status_t get_next_area_info(team_id team, ssize_t* cookie, area_info* info) {
  int32 narrow = static_cast<int32>(*cookie);
  const status_t status = get_next_area_info(team, &narrow, info);
  *cookie = narrow;
  return status;
}
#  endif
#endif

#endif
