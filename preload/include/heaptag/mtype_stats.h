/* mtype_stats.h: the figures behind `heaptag vmstat PID`, of memory types and of buckets.
 *
 * Figures are exact whenever no MALLOC and no FREE is under way. Bytes "in use" are those of bucket
 * elements, as in 4.4BSD; what was asked for is `requested`, and is `live_bytes` in reports.
 *
 * All: do not panic, do not block, preserve errno. Threads: safe. Signals: safe.
 * Included by mtype.h. Source: `struct kmemstats`, `struct kmembuckets` and vmstat(8) of 4.4BSD.
 */
#ifndef HEAPTAG_MTYPE_STATS_H
#define HEAPTAG_MTYPE_STATS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct heaptag_mtype_stats {
  char name[64];
  uint64_t inuse;       /* blocks in use */
  uint64_t memuse;      /* bytes in use */
  uint64_t maxused;     /* the most that memuse has been */
  uint64_t requested;   /* bytes in use, as they were asked for */
  uint64_t limit;       /* of memuse; 0: none */
  uint64_t limblocks;   /* M_WAITOK calls that had to wait because of the limit */
  uint64_t mapblocks;   /* M_WAITOK calls that found no memory */
  uint64_t calls;       /* that gave a block; calls - inuse have been freed */
  uint64_t failed;      /* that gave NULL, for whatever reason, but for a panic */
  uint64_t size_bitmap; /* bit i: a block of bucket i was handed out */
};

/* Of the type with this number. Returns 0, or -1 when no type ever had it (`stats` is left alone).
 * All types: ask for each number from 1 to M_LAST - 1. Detached types keep their figures. */
int heaptag_mtype_get_stats(int type, struct heaptag_mtype_stats* stats);

#define HEAPTAG_BUCKETS 32

/* Bucket i holds blocks of one size: 16 32 64 96 128 160 192 256, 320 384 448 512 576 640 704 768,
 * 896 1024 1152 1344 1600 2048 2688 4096, 8192 12288 16384 32768 65536 131072 262144 bytes. A block
 * comes from the first bucket that it fits into. Bucket 31 stands for all that is larger and comes
 * page by page: its element size is 0, it has no free elements. */
struct heaptag_bucket_stats {
  uint64_t element_size;
  uint64_t total; /* elements there are: in_use + free, and withdrawn ones */
  uint64_t in_use;
  uint64_t free;
  uint64_t bytes;     /* of all elements: total * element_size; of bucket 31, those in use */
  uint64_t requests;  /* MALLOCs that it has served */
  uint64_t couldfree; /* times that an element was freed with more than `highwater` free already */
  uint64_t failed;    /* MALLOCs that it could not serve */
  uint64_t highwater; /* free elements that are kept in any case */
};

/* Of bucket `index`, 0 to HEAPTAG_BUCKETS - 1. Returns 0, or -1 for another index. */
int heaptag_bucket_get_stats(unsigned index, struct heaptag_bucket_stats* stats);

#ifdef __cplusplus
}
#endif

#endif
