/* Figures per type and bucket against a model, alone and for `heaptag vmstat`:
 *   figures B6            a mixed load, compared after every call
 *   figures hold          keeps blocks, prints "type NAME ..." and "bucket ..." lines and "ready",
 * and waits for the end of standard input figures sites         blocks by function, for the report
 */
#include <heaptag/mtype.h>
#include <stdint.h>

#include "../old_systems/cases.h"

#define TYPES 4
#define HELD 500

static int types[TYPES];

struct model {
  uint64_t inuse, memuse, maxused, requested, calls, bitmap;
};

static struct model models[TYPES];

static struct {
  char* block;
  unsigned long size, element;
  int type;
} held[HELD];

static void make_types(void) {
  static const char* names[TYPES] = {"alpha", "beta", "gamma rays", "unused"};
  for (int i = 0; i < TYPES; i++) {
    types[i] = malloc_type_register(names[i], i == 1 ? 1ul << 30 : 0);
    CHECK(types[i] > 0);
  }
}

static unsigned bucket_for(unsigned long size, unsigned long* element) {
  struct heaptag_bucket_stats stats;
  for (unsigned i = 0; i < HEAPTAG_BUCKETS - 1; i++) {
    CHECK(heaptag_bucket_get_stats(i, &stats) == 0);
    if (size <= stats.element_size) {
      *element = stats.element_size;
      return i;
    }
  }
  *element = (size + 4095) / 4096 * 4096;
  return HEAPTAG_BUCKETS - 1;
}

static void expect_model(int type) {
  struct heaptag_mtype_stats stats;
  const struct model* model = &models[type];
  CHECK(heaptag_mtype_get_stats(types[type], &stats) == 0);
  CHECK_EQUAL(stats.inuse, model->inuse);
  CHECK_EQUAL(stats.memuse, model->memuse);
  CHECK_EQUAL(stats.maxused, model->maxused);
  CHECK_EQUAL(stats.requested, model->requested);
  CHECK_EQUAL(stats.calls, model->calls);
  CHECK_EQUAL(stats.size_bitmap, model->bitmap);
  CHECK_EQUAL(stats.failed, 0);
  CHECK_EQUAL(stats.limblocks, 0);
  CHECK_EQUAL(stats.mapblocks, 0);
}

static void change(int at, uint32_t shape) {
  const int was = held[at].type;
  if (held[at].block != NULL) {
    FREE(held[at].block, types[was]);
    held[at].block = NULL;
    models[was].inuse--;
    models[was].memuse -= held[at].element;
    models[was].requested -= held[at].size;
    expect_model(was);
    return;
  }
  const int type = (int)(shape % (TYPES - 1));
  const unsigned long size = shape % 40 == 0 ? shape / 64 % 400000 : shape / 64 % 3000;
  held[at].size = size;
  held[at].type = type;
  struct model* model = &models[type];
  model->bitmap |= 1ull << bucket_for(size, &held[at].element);
  MALLOC(held[at].block, char*, size, types[type], M_WAITOK);
  CHECK(held[at].block != NULL);
  memset(held[at].block, 3, size);
  model->calls++;
  model->inuse++;
  model->requested += size;
  model->memuse += held[at].element;
  if (model->memuse > model->maxused) {
    model->maxused = model->memuse;
  }
  expect_model(type);
}

static void change_many(int count) {
  uint64_t random = 0x9e3779b97f4a7c15;
  for (int i = 0; i < count; i++) {
    random ^= random << 13;
    random ^= random >> 7;
    random ^= random << 17;
    change((int)(random % HELD), (uint32_t)(random >> 20));
  }
}

// Elements are those in use and those that are free; types and buckets agree on what is in use.
static void expect_sums(void) {
  uint64_t by_bucket = 0, by_type = 0, blocks = 0;
  struct heaptag_bucket_stats bucket;
  for (unsigned i = 0; heaptag_bucket_get_stats(i, &bucket) == 0; i++) {
    CHECK_EQUAL(bucket.total, bucket.in_use + bucket.free);
    if (bucket.element_size != 0) {
      CHECK_EQUAL(bucket.bytes, bucket.total * bucket.element_size);
      by_bucket += bucket.in_use * bucket.element_size;
    } else {
      CHECK_EQUAL(bucket.free, 0);
      by_bucket += bucket.bytes;
    }
    blocks += bucket.in_use;
  }
  struct heaptag_mtype_stats stats;
  for (int type = 1; type < M_LAST; type++) {
    if (heaptag_mtype_get_stats(type, &stats) == 0) {
      by_type += stats.memuse;
      blocks -= stats.inuse;
    }
  }
  CHECK_EQUAL(by_bucket, by_type);
  CHECK_EQUAL(blocks, 0);
}

static void b6_mixed(void) {
  make_types();
  change_many(100000);
  expect_sums();
  for (int i = 0; i < HELD; i++) {
    if (held[i].block != NULL) {
      change(i, 0);
    }
  }
  expect_sums();
}

static void print_figures(void) {
  struct heaptag_mtype_stats stats;
  for (int type = 1; type < M_LAST; type++) {
    if (heaptag_mtype_get_stats(type, &stats) == 0) {
      printf("type %s=%llu %llu %llu %llu %llu\n", stats.name, (unsigned long long)stats.memuse,
             (unsigned long long)stats.inuse, (unsigned long long)stats.maxused,
             (unsigned long long)stats.limit, (unsigned long long)stats.calls);
    }
  }
  struct heaptag_bucket_stats bucket;
  for (unsigned i = 0; heaptag_bucket_get_stats(i, &bucket) == 0; i++) {
    printf("bucket %u %llu %llu %llu %llu %llu %llu %llu\n", i,
           (unsigned long long)bucket.element_size, (unsigned long long)bucket.in_use,
           (unsigned long long)bucket.free, (unsigned long long)bucket.bytes,
           (unsigned long long)bucket.requests, (unsigned long long)bucket.highwater,
           (unsigned long long)bucket.couldfree);
  }
}

static void hold(void) {
  make_types();
  change_many(5000);
  print_figures();
  puts("ready");
  while (getchar() != EOF) {
  }
}

__attribute__((noinline, noclone)) static char* take_777(void) {
  char* block;
  MALLOC(block, char*, 777, types[0], M_WAITOK);
  return block;
}

__attribute__((noinline, noclone)) static char* take_20002(int type) {
  char* block;
  MALLOC(block, char*, 20002, type, M_WAITOK | M_ZERO);
  return block;
}

static void sites(void) {
  make_types();
  for (int i = 0; i < 10; i++) {
    char* kept = take_777();
    char* freed = take_20002(types[i % 2]);
    CHECK(kept != NULL && freed != NULL);
    if (i >= 4) {
      FREE(freed, types[i % 2]);
    }
  }
  char* none = NULL;
  MALLOC(none, char*, ~0ul, types[1], M_WAITOK);
  CHECK(none == NULL);
}

static const struct test_case cases[] = {{"B6", b6_mixed}, {"hold", hold}, {"sites", sites}};

MAIN(cases)
