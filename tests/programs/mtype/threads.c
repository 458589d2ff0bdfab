/* MALLOC and FREE from 16 threads with 4 types and 4 OSMalloc tags at once: figures are exact.
 *   threads load [keep]   every block's bytes are checked; prints "TYPE calls inuse requested" */
#include <heaptag/mtype.h>
#include <heaptag/osmalloc.h>
#include <pthread.h>
#include <stdint.h>

#include "../old_systems/cases.h"

#define THREADS 16
#define TYPES 4
#define HELD 64

MALLOC_DECLARE(M_THIRD);
MALLOC_DEFINE(M_THIRD, "load.third", "of NetBSD's kind");

static int types[TYPES];
static OSMallocTag tags[TYPES];

struct totals {
  uint64_t calls, inuse, requested, tag_calls, tag_inuse, tag_bytes;
};

static struct totals of_threads[THREADS][TYPES];

struct held {
  unsigned char* block;
  uint32_t size;
  int type;  // TYPES and more: a tag
};

static struct held shared[HELD];
static pthread_mutex_t shared_lock = PTHREAD_MUTEX_INITIALIZER;

static uint32_t next_random(uint64_t* state) {
  *state ^= *state << 13;
  *state ^= *state >> 7;
  *state ^= *state << 17;
  return (uint32_t)(*state >> 16);
}

static void take(struct held* slot, struct totals* mine, uint64_t* random) {
  const uint32_t size =
      next_random(random) % 50 == 0 ? next_random(random) % 70000 : next_random(random) % 600;
  const int type = (int)(next_random(random) % (2 * TYPES));
  unsigned char* block;
  if (type < TYPES) {
    const int flags = size > 16384 || next_random(random) % 2 ? M_WAITOK : M_NOWAIT;
    MALLOC(block, unsigned char*, size, types[type], flags);
    mine[type].calls += block != NULL;
    mine[type].inuse += block != NULL;
    mine[type].requested += block != NULL ? size : 0;
  } else {
    block = OSMalloc(size, tags[type - TYPES]);
    mine[type - TYPES].tag_calls += block != NULL;
    mine[type - TYPES].tag_inuse += block != NULL;
    mine[type - TYPES].tag_bytes += block != NULL ? size : 0;
  }
  if (block != NULL) {
    memset(block, type + 1, size);
    *slot = (struct held){block, size, type};
  }
}

static void give_back(struct held* slot, struct totals* mine) {
  for (uint32_t i = 0; i < slot->size; i++) {
    CHECK(slot->block[i] == slot->type + 1);
  }
  if (slot->type < TYPES) {
    FREE(slot->block, types[slot->type]);
    mine[slot->type].inuse--;
    mine[slot->type].requested -= slot->size;
  } else {
    OSFree(slot->block, slot->size, tags[slot->type - TYPES]);
    mine[slot->type - TYPES].tag_inuse--;
    mine[slot->type - TYPES].tag_bytes -= slot->size;
  }
  slot->block = NULL;
}

static void* work(void* number) {
  struct totals* mine = of_threads[(uintptr_t)number];
  uint64_t random = 88172645463325252ull + (uintptr_t)number * 7919;
  struct held held[HELD];
  memset(held, 0, sizeof held);
  for (int i = 0; i < 100000; i++) {
    struct held* slot = &held[next_random(&random) % HELD];
    if (slot->block != NULL) {
      give_back(slot, mine);
    } else {
      take(slot, mine, &random);
    }
    if (i % 16 == 0) {
      pthread_mutex_lock(&shared_lock);
      struct held* other = &shared[next_random(&random) % HELD];
      const struct held swapped = *other;
      *other = *slot;
      *slot = swapped;
      pthread_mutex_unlock(&shared_lock);
    }
  }
  for (int i = 0; i < HELD; i++) {
    if (held[i].block != NULL && (strcmp(argument, "keep") != 0 || i % 2)) {
      give_back(&held[i], mine);
    }
  }
  return NULL;
}

static void expect_figures(void) {
  for (int type = 0; type < TYPES; type++) {
    struct totals all;
    memset(&all, 0, sizeof all);
    for (int i = 0; i < THREADS; i++) {
      all.calls += of_threads[i][type].calls;
      all.inuse += of_threads[i][type].inuse;
      all.requested += of_threads[i][type].requested;
      all.tag_calls += of_threads[i][type].tag_calls;
      all.tag_inuse += of_threads[i][type].tag_inuse;
      all.tag_bytes += of_threads[i][type].tag_bytes;
    }
    struct heaptag_mtype_stats stats;
    CHECK(heaptag_mtype_get_stats(types[type], &stats) == 0);
    CHECK_EQUAL(stats.calls, all.calls);
    CHECK_EQUAL(stats.inuse, all.inuse);
    CHECK_EQUAL(stats.requested, all.requested);
    CHECK(stats.maxused >= stats.memuse && stats.memuse >= stats.requested);
    struct heaptag_osmalloc_stats tag;
    CHECK(heaptag_osmalloc_get_stats(tags[type], &tag) == 0);
    CHECK_EQUAL(tag.allocations, all.tag_calls);
    CHECK_EQUAL(tag.live_blocks, all.tag_inuse);
    CHECK_EQUAL(tag.live_bytes, all.tag_bytes);
    printf("mtype %s %llu %llu %llu\n", stats.name, (unsigned long long)all.calls,
           (unsigned long long)all.inuse, (unsigned long long)all.requested);
    printf("osmalloc %s %llu %llu %llu\n", tag.name, (unsigned long long)all.tag_calls,
           (unsigned long long)all.tag_inuse, (unsigned long long)all.tag_bytes);
  }
}

static void load(void) {
  static const char* names[] = {"load.first", "load.second", "load.third", "load.fourth"};
  pthread_t threads[THREADS];
  for (int i = 0; i < TYPES; i++) {
    types[i] = i == 2 ? heaptag_malloc_type_number(M_THIRD) : malloc_type_register(names[i], 0);
    tags[i] = OSMalloc_Tagalloc(names[i], i % 2 ? OSMT_PAGEABLE : OSMT_DEFAULT);
  }
  for (uintptr_t i = 0; i < THREADS; i++) {
    CHECK(pthread_create(&threads[i], NULL, work, (void*)i) == 0);
  }
  for (int i = 0; i < THREADS; i++) {
    CHECK(pthread_join(threads[i], NULL) == 0);
  }
  expect_figures();
}

// Types appear while others are in use.
static void* make_types(void* unused) {
  for (int i = 0; i < 20; i++) {
    const int type = malloc_type_register("raced", 0);
    CHECK(type > M_TEMP);
    char* block;
    MALLOC(block, char*, 100, type, M_WAITOK);
    FREE(block, type);
    struct heaptag_mtype_stats stats;
    CHECK(heaptag_mtype_get_stats(type, &stats) == 0);
    CHECK_EQUAL(stats.calls, 1);  // a number of its own
  }
  return unused;
}

static void registering(void) {
  pthread_t threads[THREADS];
  for (int i = 0; i < THREADS; i++) {
    CHECK(pthread_create(&threads[i], NULL, make_types, NULL) == 0);
  }
  for (int i = 0; i < THREADS; i++) {
    CHECK(pthread_join(threads[i], NULL) == 0);
  }
}

static const struct test_case cases[] = {{"load", load}, {"registering", registering}};

MAIN(cases)
