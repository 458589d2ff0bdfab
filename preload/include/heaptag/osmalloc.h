/* osmalloc.h: OSMalloc, the tagged allocator of Mac OS X's kernel, in user space.
 *
 *     OSMallocTag tag = OSMalloc_Tagalloc("org.example.driver", OSMT_DEFAULT);
 *     struct node* node = OSMalloc(sizeof *node, tag);
 *     ...
 *     OSFree(node, sizeof *node, tag);
 *     OSMalloc_Tagfree(tag);
 *
 * Every block belongs to a tag. A tag has figures of its own, and is a tag of its own (origin
 * "osmalloc") in every report; the places that have allocated with it are its sites.
 *
 * Works in C and C++; link with -lheaptag (a plugin under the preload need not). What is declared
 * here are other spellings of heaptag_-prefixed symbols: a program's own function of such a name is
 * left alone.
 *
 * Rules. Whoever breaks one panics (panic.h), before anything has changed:
 *   - a tag is what OSMalloc_Tagalloc returned and OSMalloc_Tagfree has not yet been given;
 *   - a block is freed once, by its address, with the size and the tag it was allocated with.
 * A tag that is released, freed or forged: "OSMalloc_Tagref():'NAME' has bad state 0x%08X"; no tag
 * at all: "FUNCTION(): no tag". The state of a live tag is 0xDEAB0000, that of a released one
 * 0xDEAB0001; a forged one has what lies there, or 0 if nothing can be read.
 *
 * HEAPTAG_OSM_DIALECT says whose rules hold where the document and the kernel differ:
 *   strict (default)  the document's.
 *   xnu               the kernel's: a released tag serves its blocks until the last is freed, and
 *                     OSMalloc, too, as long as one lives; OSMalloc_noblock returns NULL for
 *                     pageable tags (without a look at the tag's state) and for more than 8192
 *                     bytes; OSFree takes any size up to OSMalloc_size.
 *   xnu7195           as xnu; OSFree(NULL) leaves memory alone, but counts as a free of the tag.
 *
 * HEAPTAG_OSM_WIRE=1|0: whether wired memory is locked by mlock (default: 1). Best effort: where
 * the limit on locked memory forbids it, the block is handed out all the same, `wire_failures`
 * counts it, and the first failure is said in the log. HEAPTAG_OSM_POOL_BYTES: what
 * OSMalloc_noblock lives on (default: 1M), prepared by the first OSMalloc_Tagalloc.
 *
 * All: errno is preserved, but for ENOMEM with NULL. Threads: safe, also on one tag at once.
 * Signals: OSMalloc_noblock and OSMalloc_nowait may be called by a handler, nothing else may. Fork:
 * a child has copies of tags, blocks and figures. Source: OSMalloc.h, Apple KPI reference,
 * 2010-07-29; the dialects: XNU, osfmk/kern/kalloc.c.
 */
#ifndef HEAPTAG_OSMALLOC_H
#define HEAPTAG_OSMALLOC_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A tag; opaque. Both names are one type. */
typedef struct __OSMallocTag__* OSMallocTag;
typedef struct __OSMallocTag__* OSMallocTag_t;

/* All blocks in wired memory, which is never paged out. */
#define OSMT_DEFAULT 0x00
/* Blocks of a page (4096 bytes) or more in pageable memory, smaller ones in wired memory. */
#define OSMT_PAGEABLE 0x01

/* Creates a tag. Called twice with one name it creates two tags that share it.
 * `name`: copied, up to 63 bytes; what is longer is cut off there. NULL panics:
 * "OSMalloc_Tagalloc(): no name". `flags`: OSMT_DEFAULT or OSMT_PAGEABLE; other bits are ignored.
 * Returns: a tag that is the caller's until OSMalloc_Tagfree; NULL when there is no memory. May
 * block. */
extern OSMallocTag OSMalloc_Tagalloc(const char* name,
                                     uint32_t flags) __asm__("heaptag_OSMalloc_Tagalloc");

/* Releases a tag; the handle is dead afterwards, and is not given out again before 1024 others.
 * A tag with blocks in use must not be freed: any OSMalloc function that is called on them panics
 * from now on. The log lists them, one line, and one for each place that has allocated them:
 *     heaptag: OSMalloc tag 'NAME' was freed with N blocks (B bytes) in use:
 *     heaptag:   N blocks, B bytes: FUNCTION OR MODULE+OFFSET
 * Its figures stay in the report, where freed tags that share a name may be one. Freed twice:
 * panics, "OSMalloc_Tagfree():'NAME' has bad state 0xDEAB0001". Does not wait for memory. */
extern void OSMalloc_Tagfree(OSMallocTag tag) __asm__("heaptag_OSMalloc_Tagfree");

/* Allocates `size` bytes, 0 to 4 GiB - 1, for `tag`. 0 gives a block of its own, too.
 * Wired, unless the tag is pageable and `size` is 4096 or more. Such pageable blocks begin at a
 * page and are zero; all others are aligned to 16 and have any content.
 * Returns: a block that is the caller's until OSFree; NULL when there is no memory (counted in
 * `failed`; the tag is as before). May block. */
extern void* OSMalloc(uint32_t size, OSMallocTag tag) __asm__("heaptag_OSMalloc");

/* The same, and never blocks: no system call, no lock that could be waited for. It lives on freed
 * blocks and on memory that was prepared, and locked, beforehand, in pieces of up to 32 KiB; NULL
 * when it would have to block. A place that has never called before is charged to where the tag was
 * made, until a call that may block has learned of it. */
extern void* OSMalloc_noblock(uint32_t size, OSMallocTag tag) __asm__("heaptag_OSMalloc_noblock");

/* Equivalent to OSMalloc_noblock. */
extern void* OSMalloc_nowait(uint32_t size, OSMallocTag tag) __asm__("heaptag_OSMalloc_nowait");

/* Frees the block at `addr`. `size` and `tag`: those it was allocated with. Panics:
 *
 * - NULL: "OSFree(): no block"
 *
 * - another size: "OSFree(): ADDR has SIZE bytes, not SIZE"
 *
 * - another tag: "OSFree(): ADDR belongs to 'NAME', not to 'NAME'"
 *
 * - inside of a block: "OSFree(): ADDR lies N bytes inside of a block"
 *
 * - freed already: "OSFree(): ADDR was freed already", or, when no block of the tag is in use,
 *   "OSMalloc_Tagrele():'NAME' has refcnt 0"
 *
 * - not from OSMalloc: "OSFree(): ADDR is no block of OSMalloc"
 *
 * An error report (kind, block, who allocated it) goes to the log before the panic's line. */
extern void OSFree(void* addr, uint32_t size, OSMallocTag tag) __asm__("heaptag_OSFree");

/* ---- Beyond the document ---- */

/* How many bytes may be used at `addr`, the beginning of a block in use: its size or more. All that
 * is not such an address panics: "OSMalloc_size(): ADDR ...". Source: XNU 3789 to 6153. */
extern uint32_t OSMalloc_size(void* addr) __asm__("heaptag_OSMalloc_size");

struct heaptag_osmalloc_stats {
  uint64_t count; /* XNU's COUNT: 1 until the tag is released, and 1 for each live block */
  uint32_t state; /* 0xDEAB0000, or 0xDEAB0001 after OSMalloc_Tagfree */
  uint32_t attr;  /* its flags: 0 or OSMT_PAGEABLE */
  char name[64];
  uint64_t allocations;     /* calls that gave a block */
  uint64_t frees;           /* blocks freed; allocations - frees = live_blocks */
  uint64_t live_blocks;     /* in use now */
  uint64_t live_bytes;      /* of them, as they were asked for */
  uint64_t usable_bytes;    /* of them, as OSMalloc_size tells */
  uint64_t allocated_bytes; /* asked for by all allocations */
  uint64_t failed;          /* calls that gave NULL */
  uint64_t wire_failures;   /* blocks that should be locked in memory and could not be */
};

/* The figures of `tag`, exact whenever no call on it is under way.
 * Returns 0, or -1 when it is no tag, or one that was released and has no block (`stats` is left
 * alone). Does not panic. Does not block. Signals: not for handlers. */
int heaptag_osmalloc_get_stats(OSMallocTag tag, struct heaptag_osmalloc_stats* stats);

/* The tag that was created next after `after`; the first one for NULL; NULL at the end. Tags that
 * were freed are left out, unless blocks of theirs are in use. `after` may have been freed
 * meanwhile: the walk goes on behind it. NULL also for what never was a tag. Does not panic. */
OSMallocTag heaptag_osmalloc_next_tag(OSMallocTag after);

#ifdef __cplusplus
}
#endif

#endif
