/* heaptag/area_malloc.h: the area_malloc module of BeOS, which allocates memory in areas.
 *
 * A pool is an area with a heap in it. malloc, calloc, realloc and free work as those of the C
 * library, but take the pool as their first argument. Other processes that clone the pool's area
 * may allocate and free in it, too.
 *
 *     module_info* found;
 *     if (get_module(B_AREA_MALLOC_MODULE_NAME, &found) == B_OK) {
 *       area_malloc_module_info* areas = (area_malloc_module_info*)found;
 *       const void* pool = areas->create_pool(B_ANY_ADDRESS, 64 * B_PAGE_SIZE, B_NO_LOCK,
 *                                             B_READ_AREA | B_WRITE_AREA);
 *       char* text = areas->malloc(pool, 100);
 *       ...
 *       areas->free(pool, text);
 *       areas->delete_pool(pool);
 *       put_module(B_AREA_MALLOC_MODULE_NAME);
 *     }
 *
 * Link with -lheaptag-areas, or preload libheaptag-areas.so; see heaptag/area.h, which is included.
 *
 * Source: the Be Book (drivers, area_malloc.h). Functions whose names begin with area_malloc_ are
 * ours.
 *
 * All functions. Units: bytes. Threads: safe in relation to each other, but a pool may only be
 * deleted when nobody uses it any more. They may wait, for another process, too: not for signal
 * handlers (a call from a handler that has come to where its own thread was in the same pool gives
 * nothing). errno: preserved. fork: the child has its parent's pools, by the same ids; whether it
 * shares their memory is what HEAPTAG_AREAS_FORK says of areas. A process that is killed in one of
 * these functions leaves the pool as it was before the call or after it; a realloc that moves a
 * block may leave it twice.
 *
 * Mistakes (a pointer that is no block of the pool, one that was freed before, writing behind a
 * block): found where they can be. With HEAPTAG_KMEM_DEBUG=1 or HEAPTAG_CHECK the program ends with
 * a message; otherwise the call does nothing and is counted. Where the pool itself was written over
 * it is damaged: it hands out nothing more, and can be deleted.
 *
 * Reports: where libheaptag.so is loaded, each pool is a tag "pool NAME", NAME being its area's,
 * with all figures. Those of a pool that processes share are of the whole pool, as of the last call
 * in the process that reports. */
#ifndef HEAPTAG_AREA_MALLOC_H
#define HEAPTAG_AREA_MALLOC_H

#include "area.h"

#ifdef __cplusplus
extern "C" {
#endif

#define B_AREA_MALLOC_MODULE_NAME "generic/area_malloc/v1"

/* For std_ops. */
#ifndef B_MODULE_INIT
#  define B_MODULE_INIT 1
#  define B_MODULE_UNINIT 2
#endif

#ifndef HEAPTAG_AREA_NO_TYPES
typedef struct module_info {
  const char* name;
  uint32 flags;
  status_t (*std_ops)(int32 operation, ...);
} module_info;
#endif

typedef struct area_malloc_module_info {
  module_info module;

  /* A new pool, in an area of its own.
   *   addressSpec  as for create_area; there is no address to ask for: B_BASE_ADDRESS is
   *                B_ANY_ADDRESS, and B_EXACT_ADDRESS gives no pool
   *   size         a multiple of B_PAGE_SIZE, not 0; of it 1 KiB, and 16 bytes for each block, are
   *                the pool's own; up to 64 GiB are used
   *   lockSpec     as for create_area
   *   protection   of the area, as the program sees it. A pool that may not be written can be
   *                allocated from and shared as all others: it may be for those who clone it
   * Returns what stands for the pool in this process (no pointer to anything), or null when the
   * area cannot be made, the process has 4,096 pools, or nobody uses the module. */
  const void* (*create_pool)(uint32 addressSpec, size_t size, uint32 lockSpec, uint32 protection);

  /* Deletes a pool, and its area in this process. Pointers into it mean nothing from here on. In
   * processes that have cloned the area the pool lives on. Returns B_OK, or B_ERROR: there is no
   * such pool. */
  status_t (*delete_pool)(const void* poolID);

  /* A block of `size` bytes, on 16 bytes; with 0, one that nothing may be written to. Owns: the
   * caller, until free. Null when the pool has no room, is damaged, or does not exist. */
  void* (*malloc)(const void* poolID, size_t size);

  /* The same for `numMembers` times `size` bytes, which are zero. Null also when that is more than
   * a size_t holds. */
  void* (*calloc)(const void* poolID, size_t numMembers, size_t size);

  /* Another size for a block, which may move. A null `ptr` is malloc; with a size of 0 the block is
   * freed, and null returned. Null when there is no room: then the block is as it was. */
  void* (*realloc)(const void* poolID, void* ptr, size_t size);

  /* Takes a block back; nothing for null. Returns null. */
  void* (*free)(const void* poolID, void* ptr);
} area_malloc_module_info;

/* Gets a module by its path; here there is B_AREA_MALLOC_MODULE_NAME. The first user has it
 * initialized (std_ops(B_MODULE_INIT)). `info`: gets the table of its functions, the same each
 * time; it belongs to the module. Returns B_OK, or
 *   B_BAD_VALUE        a null pointer
 *   B_ENTRY_NOT_FOUND  there is no such module
 * Source: get_module, Be Book. */
status_t get_module(const char* path, module_info** info) __asm__("heaptag_get_module");

/* One user less. The last one has it uninitialized (std_ops(B_MODULE_UNINIT)): all pools of this
 * process that are left are deleted. Returns B_OK, or
 *   B_BAD_VALUE  a null pointer, no such module, or nobody uses it
 * Source: put_module, Be Book. */
status_t put_module(const char* path) __asm__("heaptag_put_module");

/* create_pool, with a name for the area (copied, 31 characters). Null: as create_pool, which calls
 * the areas "area_malloc 1", "area_malloc 2" and so on. */
const void* area_malloc_create_pool(const char* name,
                                    uint32 addressSpec,
                                    size_t size,
                                    uint32 lockSpec,
                                    uint32 protection) __asm__("heaptag_area_malloc_create_pool");

/* The pool in `area`. An area of another process is cloned, with its own protection; one that this
 * process has cloned itself, wherever it liked, is used as it is. delete_pool deletes the clone
 * either way. For an area that is a pool here already, that pool. Returns what create_pool returns;
 * null when there is no such area, no pool in it, or it is damaged. */
const void* area_malloc_attach(area_id area) __asm__("heaptag_area_malloc_attach");

/* The area of a pool in this process; B_ERROR when there is no such pool. */
area_id area_malloc_pool_area(const void* poolID) __asm__("heaptag_area_malloc_pool_area");

/* Where a pointer leads, counted from the pool's first byte: the same in all processes. Never 0 for
 * a block, so that 0 can stand for null. */
#define AREA_MALLOC_NOWHERE ((size_t)-1) /* outside of the pool, or no such pool */
size_t area_malloc_offset(const void* poolID,
                          const void* pointer) __asm__("heaptag_area_malloc_offset");

/* The opposite; null when the pool is not that large, or does not exist. */
void* area_malloc_pointer(const void* poolID, size_t offset) __asm__("heaptag_area_malloc_pointer");

/* Bytes of a block that may be written, at least what was asked for; 0 when it is no block of the
 * pool. */
size_t area_malloc_usable_size(const void* poolID,
                               const void* ptr) __asm__("heaptag_area_malloc_usable_size");

/* Makes the pool's area larger with resize_area, and the pool with it; other processes see that at
 * once. `size`: bytes, a multiple of B_PAGE_SIZE. With the size that the area has already (after
 * a resize_area of the program's own) the pool alone grows. Making the area of a pool smaller is
 * a mistake that nothing guards against. Returns what resize_area returns, or
 *   B_BAD_VALUE  less than it has
 *   B_ERROR      no such pool, it is damaged, or it has no room to grow to */
status_t area_malloc_resize_pool(const void* poolID,
                                 size_t size) __asm__("heaptag_area_malloc_resize_pool");

/* Walks over the whole pool. Returns B_OK when all is as it should be, or B_ERROR: it was written
 * over, or there is no such pool. */
status_t area_malloc_check(const void* poolID) __asm__("heaptag_area_malloc_check");

/* What a pool has counted, in all processes: exact, also after one was killed. */
typedef struct area_malloc_figures {
  uint64_t allocations; /* a realloc is an allocation and a free */
  uint64_t frees;
  uint64_t allocated_bytes; /* as requested */
  uint64_t freed_bytes;
  uint64_t allocated_usable; /* with what requests were rounded up to */
  uint64_t freed_usable;
  uint64_t failed;       /* calls that got no block */
  uint64_t peak_bytes;   /* most bytes, as requested, at one time */
  uint64_t refused;      /* frees and reallocs of what was no block */
  uint64_t repaired;     /* times that lists were made anew, after a death or a stray write */
  uint64_t size;         /* of the area */
  uint64_t free_bytes;   /* of all free blocks */
  uint64_t largest_free; /* the most that one malloc would get */
  int is_damaged;
} area_malloc_figures;

/* Returns B_OK; B_BAD_VALUE for a null pointer, B_ERROR: no such pool. */
status_t area_malloc_get_figures(const void* poolID, area_malloc_figures* figures) __asm__(
    "heaptag_area_malloc_get_figures");

#ifdef __cplusplus
}
#endif

#endif
