/* OSMalloc from many threads: figures are exact afterwards. */
#include <heaptag/osmalloc.h>
#include <pthread.h>
#include <stdint.h>

#include "../old_systems/cases.h"

#define THREADS 16
#define TAGS 4
#define HELD 64

static OSMallocTag tags[TAGS];
static long rounds;

struct totals {
  uint64_t allocations, frees, allocated_bytes, live_blocks, live_bytes;
};

static struct totals of_threads[THREADS][TAGS];

static uint32_t next_random(uint64_t* state) {
  *state ^= *state << 13;
  *state ^= *state >> 7;
  *state ^= *state << 17;
  return (uint32_t)(*state >> 16);
}

struct held {
  unsigned char* block;
  uint32_t size;
  int tag;
};

static void take(struct held* slot, struct totals* mine, uint64_t* random) {
  const uint32_t shape = next_random(random);
  const uint32_t size = shape % 50 == 0 ? next_random(random) % 70000 : next_random(random) % 600;
  const int tag = (int)(next_random(random) % TAGS);
  unsigned char* block = OSMalloc(size, tags[tag]);
  if (block == NULL) {
    return;
  }
  memset(block, tag + 1, size);
  *slot = (struct held){block, size, tag};
  mine[tag].allocations++;
  mine[tag].allocated_bytes += size;
  mine[tag].live_blocks++;
  mine[tag].live_bytes += size;
}

static void give_back(struct held* slot, struct totals* mine) {
  for (uint32_t i = 0; i < slot->size; i++) {
    CHECK(slot->block[i] == slot->tag + 1);
  }
  OSFree(slot->block, slot->size, tags[slot->tag]);
  mine[slot->tag].frees++;
  mine[slot->tag].live_blocks--;
  mine[slot->tag].live_bytes -= slot->size;
  slot->block = NULL;
}

// Blocks change hands through these.
static struct held shared[HELD];
static pthread_mutex_t shared_lock = PTHREAD_MUTEX_INITIALIZER;

static void* work(void* number) {
  struct totals* mine = of_threads[(uintptr_t)number];
  uint64_t random = 88172645463325252ull + (uintptr_t)number * 7919;
  struct held held[HELD];
  memset(held, 0, sizeof held);
  for (long i = 0; i < rounds; i++) {
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
  const int keeps = strcmp(argument, "keep") == 0;
  for (int i = 0; i < HELD; i++) {
    if (held[i].block != NULL && (!keeps || i % 2)) {
      give_back(&held[i], mine);
    }
  }
  return NULL;
}

static void run_threads(void) {
  pthread_t threads[THREADS];
  static const char* names[TAGS] = {"load.a", "load.b", "load.c", "load.c"};
  for (int i = 0; i < TAGS; i++) {
    tags[i] = OSMalloc_Tagalloc(names[i], i % 2 ? OSMT_PAGEABLE : OSMT_DEFAULT);
  }
  for (uintptr_t i = 0; i < THREADS; i++) {
    CHECK(pthread_create(&threads[i], NULL, work, (void*)i) == 0);
  }
  for (int i = 0; i < THREADS; i++) {
    CHECK(pthread_join(threads[i], NULL) == 0);
  }
}

static void expect_figures(int prints) {
  for (int tag = 0; tag < TAGS; tag++) {
    struct totals all;
    memset(&all, 0, sizeof all);
    for (int i = 0; i < THREADS; i++) {
      all.allocations += of_threads[i][tag].allocations;
      all.frees += of_threads[i][tag].frees;
      all.allocated_bytes += of_threads[i][tag].allocated_bytes;
      all.live_blocks += of_threads[i][tag].live_blocks;
      all.live_bytes += of_threads[i][tag].live_bytes;
    }
    struct heaptag_osmalloc_stats stats;
    CHECK(heaptag_osmalloc_get_stats(tags[tag], &stats) == 0);
    CHECK_EQUAL(stats.allocations, all.allocations);
    CHECK_EQUAL(stats.frees, all.frees);
    CHECK_EQUAL(stats.allocated_bytes, all.allocated_bytes);
    CHECK_EQUAL(stats.live_blocks, all.live_blocks);
    CHECK_EQUAL(stats.live_bytes, all.live_bytes);
    CHECK_EQUAL(stats.count, 1 + all.live_blocks);
    CHECK_EQUAL(stats.failed, 0);
    if (prints) {
      printf("%d %llu %llu %llu %llu %llu\n", tag, (unsigned long long)all.allocations,
             (unsigned long long)all.frees, (unsigned long long)all.allocated_bytes,
             (unsigned long long)all.live_blocks, (unsigned long long)all.live_bytes);
    }
  }
}

static void o17_load(void) {
  rounds = 100000;
  run_threads();
  expect_figures(1);
  if (strcmp(argument, "keep") != 0) {
    static struct totals none[TAGS];
    for (int i = 0; i < HELD; i++) {
      if (shared[i].block != NULL) {
        give_back(&shared[i], none);
      }
    }
    for (int tag = 0; tag < TAGS; tag++) {
      struct heaptag_osmalloc_stats stats;
      CHECK(heaptag_osmalloc_get_stats(tags[tag], &stats) == 0);
      CHECK_EQUAL(stats.count, 1);
      CHECK_EQUAL(stats.live_bytes, 0);
      CHECK_EQUAL(stats.usable_bytes, 0);
      OSMalloc_Tagfree(tags[tag]);
    }
  }
}

// ntstat's idiom: whoever needs the tag first makes it; the losers free theirs at once.
static OSMallocTag published;
static pthread_barrier_t start;

static void* publish(void* unused) {
  pthread_barrier_wait(&start);
  OSMallocTag mine = OSMalloc_Tagalloc("published", OSMT_DEFAULT);
  OSMallocTag none = NULL;
  if (!__atomic_compare_exchange_n(&published, &none, mine, 0, __ATOMIC_SEQ_CST,
                                   __ATOMIC_SEQ_CST)) {
    OSMalloc_Tagfree(mine);
  }
  void* block = OSMalloc(40, __atomic_load_n(&published, __ATOMIC_SEQ_CST));
  CHECK(block != NULL);
  OSFree(block, 40, published);
  return unused;
}

static void o19_racing_tags(void) {
  pthread_t threads[64];
  for (int round = 0; round < 20; round++) {
    published = NULL;
    CHECK(pthread_barrier_init(&start, NULL, 64) == 0);
    for (int i = 0; i < 64; i++) {
      CHECK(pthread_create(&threads[i], NULL, publish, NULL) == 0);
    }
    for (int i = 0; i < 64; i++) {
      CHECK(pthread_join(threads[i], NULL) == 0);
    }
    CHECK(heaptag_osmalloc_next_tag(NULL) == published);
    CHECK(heaptag_osmalloc_next_tag(published) == NULL);
    struct heaptag_osmalloc_stats stats;
    CHECK(heaptag_osmalloc_get_stats(published, &stats) == 0);
    CHECK_EQUAL(stats.count, 1);
    CHECK_EQUAL(stats.allocations, 64);
    OSMalloc_Tagfree(published);
  }
}

// Tags come and go for ever: more than there can be at once, and no handle comes back soon.
static void churn_of_tags(void) {
  OSMallocTag recent[1024];
  memset(recent, 0, sizeof recent);
  for (int i = 0; i < 100000; i++) {
    OSMallocTag tag = OSMalloc_Tagalloc("churn", i & 1);
    CHECK(tag != NULL);
    if (i % 1000 == 0) {
      for (int at = 0; at < 1024; at++) {
        CHECK(recent[at] != tag);
      }
    }
    recent[i % 1024] = tag;
    OSFree(OSMalloc(24, tag), 24, tag);
    OSMalloc_Tagfree(tag);
  }
  CHECK(heaptag_osmalloc_next_tag(NULL) == NULL);
}

static const struct test_case cases[] = {
    {"O17", o17_load}, {"O19", o19_racing_tags}, {"churn_of_tags", churn_of_tags}};

MAIN(cases)
