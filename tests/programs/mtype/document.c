/* MALLOC and FREE, sentence by sentence of malloc(9r): one case a run. */
#include <errno.h>
#include <heaptag/mtype.h>
#include <stdint.h>

#include "../old_systems/cases.h"

MALLOC_TYPE_DECLARE(M_OWN);
MALLOC_TYPE_DEFINE(M_OWN, "own type", 0);

static struct heaptag_mtype_stats stats_of(int type) {
  struct heaptag_mtype_stats stats;
  memset(&stats, 0xa5, sizeof stats);
  CHECK(heaptag_mtype_get_stats(type, &stats) == 0);
  return stats;
}

static struct heaptag_bucket_stats bucket(unsigned index) {
  struct heaptag_bucket_stats stats;
  CHECK(heaptag_bucket_get_stats(index, &stats) == 0);
  return stats;
}

static const unsigned long element_sizes[HEAPTAG_BUCKETS] = {
    16,   32,   64,   96,    128,   160,   192,   256,    320,    384,  448,
    512,  576,  640,  704,   768,   896,   1024,  1152,   1344,   1600, 2048,
    2688, 4096, 8192, 12288, 16384, 32768, 65536, 131072, 262144, 0};

static unsigned bucket_for(unsigned long size) {
  unsigned index = 0;
  while (index < HEAPTAG_BUCKETS - 1 && element_sizes[index] < size) {
    index++;
  }
  return index;
}

// "allocates at least size bytes from the kernel memory and returns the address": in the bucket
// that fits, for every size.
static void b1_sizes(void) {
  struct heaptag_bucket_stats past;
  for (unsigned index = 0; index < HEAPTAG_BUCKETS; index++) {
    CHECK_EQUAL(bucket(index).element_size, element_sizes[index]);
  }
  CHECK(heaptag_bucket_get_stats(HEAPTAG_BUCKETS, &past) == -1);
  uint64_t bytes = 0;
  for (unsigned long size = 0; size <= 70000; size++) {
    const unsigned index = bucket_for(size);
    const uint64_t requests = bucket(index).requests, used = bucket(index).in_use;
    unsigned char* block;
    MALLOC(block, unsigned char*, size, M_OWN, M_WAITOK);
    CHECK(block != NULL && (uintptr_t)block % 16 == 0);
    memset(block, 0x77, size);
    const struct heaptag_mtype_stats stats = stats_of(M_OWN);
    CHECK_EQUAL(bucket(index).requests, requests + 1);
    CHECK_EQUAL(bucket(index).in_use, used + 1);
    CHECK_EQUAL(stats.memuse, element_sizes[index]);
    CHECK_EQUAL(stats.requested, size);
    CHECK((stats.size_bitmap >> index & 1) == 1);
    CHECK((stats.size_bitmap >> index >> 1) == 0);
    bytes += size;
    FREE(block, M_OWN);
    CHECK_EQUAL(bucket(index).in_use, used);
  }
  CHECK_EQUAL(stats_of(M_OWN).calls, 70001);
  CHECK_EQUAL(stats_of(M_OWN).inuse, 0);
  CHECK(bytes == 70000ull * 70001 / 2);
}

// Larger than every bucket: page by page.
static void large(void) {
  static const unsigned long sizes[] = {262144, 262145, 1000000, 64ul << 20};
  for (int i = 0; i < 4; i++) {
    char* block;
    MALLOC(block, char*, sizes[i], M_OWN, M_WAITOK | M_ZERO);
    CHECK(block != NULL && block[0] == 0 && block[sizes[i] - 1] == 0);
    memset(block, 1, sizes[i]);
    const uint64_t memuse = stats_of(M_OWN).memuse;
    CHECK(memuse >= sizes[i] && memuse < sizes[i] + 4096 && memuse % 4096 == 0);
    CHECK_EQUAL(bucket(31).in_use, sizes[i] > 262144);
    CHECK_EQUAL(bucket(31).bytes, sizes[i] > 262144 ? memuse : 0);
    FREE(block, M_OWN);
  }
  CHECK_EQUAL(stats_of(M_OWN).memuse, 0);
  CHECK_EQUAL(bucket(31).in_use, 0);
  CHECK_EQUAL(bucket(31).requests, 3);
}

// "The return type ... is the same as that specified for the addr argument."
static void b1_casts(void) {
  struct pair {
    long a, b;
  };
  struct pair* pair;

  struct {
    struct pair* member;
  } outer;

  char* texts[2];
  int at = 0;
  MALLOC(pair, struct pair*, sizeof *pair, M_OWN, M_WAITOK);
  MALLOC(outer.member, struct pair*, 2 * sizeof *pair, M_OWN, M_WAITOK);
  MALLOC(texts[at++], char*, 10, M_OWN, M_NOWAIT);  // once
  CHECK(at == 1 && pair != NULL && outer.member != NULL && texts[0] != NULL);
  if (at == 0)
    MALLOC(texts[1], char*, 1, M_OWN, M_NOWAIT);
  else
    texts[1] = NULL;
  CHECK(texts[1] == NULL);
  CHECK_EQUAL(stats_of(M_OWN).inuse, 3);
  FREE(pair, M_OWN);
  FREE(outer.member, M_OWN);
  if (at == 1)
    FREE(texts[0], M_OWN);
  else
    CHECK(0);
  CHECK_EQUAL(stats_of(M_OWN).inuse, 0);
}

// "Allocates zero-filled memory. You pass this bit value by ORing it to M_WAITOK or M_NOWAIT."
static void b2_zero(void) {
  CHECK(M_WAITOK == 0 && M_NOWAIT == 1 && M_ZERO == 2);
  for (unsigned long size = 1; size <= 16384; size += size < 300 ? 1 : 97) {
    for (int flags = M_WAITOK; flags <= M_NOWAIT; flags++) {
      unsigned char* block;
      MALLOC(block, unsigned char*, size, M_OWN, flags);
      CHECK(block != NULL);
      memset(block, 0xee, size);
      FREE(block, M_OWN);
      MALLOC(block, unsigned char*, size, M_OWN, flags | M_ZERO);
      CHECK(block != NULL);
      for (unsigned long i = 0; i < size; i++) {
        CHECK(block[i] == 0);
      }
      memset(block, 0xee, size);
      FREE(block, M_OWN);
    }
  }
}

// "If the allocation size is greater than 16K, you must pass M_WAITOK."
static void b4_sixteen_k(void) {
  char* block;
  MALLOC(block, char*, 16384, M_OWN, M_NOWAIT);
  CHECK(block != NULL);
  FREE(block, M_OWN);
  MALLOC(block, char*, 16385, M_OWN, M_WAITOK);
  CHECK(block != NULL);
  FREE(block, M_OWN);
  if (strcmp(argument, "bad") == 0) {
    block = (char*)1;
    MALLOC(block, char*, 16385, M_OWN, M_NOWAIT);
    CHECK(block == NULL);
    CHECK_EQUAL(stats_of(M_OWN).failed, 1);
  }
  CHECK_EQUAL(stats_of(M_OWN).inuse, 0);
}

static void size_zero(void) {
  char *first, *second;
  MALLOC(first, char*, 0, M_OWN, M_WAITOK);
  MALLOC(second, char*, 0, M_OWN, M_NOWAIT | M_ZERO);
  CHECK(first != NULL && second != NULL && first != second);
  CHECK_EQUAL(stats_of(M_OWN).memuse, 32);
  CHECK_EQUAL(stats_of(M_OWN).requested, 0);
  FREE(first, M_OWN);
  FREE(second, M_OWN);
}

static void b9_free_null(void) {
  const struct heaptag_mtype_stats before = stats_of(M_OWN);
  FREE(NULL, M_OWN);
  const struct heaptag_mtype_stats after = stats_of(M_OWN);
  CHECK(memcmp(&before, &after, sizeof before) == 0);
}

// "The type argument allows the memory allocator to keep track of memory usage by a subsystem."
static void types(void) {
  CHECK(M_DEVBUF == 2 && M_FREE == 0);
  char name[100];
  memset(name, 'n', 99);
  name[99] = 0;
  CHECK(strcmp(stats_of(M_OWN).name, "own type") == 0);
  CHECK(M_OWN > M_TEMP && M_OWN < M_LAST);
  const int first = malloc_type_register(name, 0);
  const int second = malloc_type_register("equal", 5000);
  const int third = malloc_type_register("equal", 0);
  CHECK(first > M_TEMP && second > M_TEMP && third > M_TEMP && third < M_LAST);
  CHECK(first != second && second != third && first != third);
  CHECK_EQUAL(strlen(stats_of(first).name), 63);
  CHECK_EQUAL(stats_of(second).limit, 5000);
  CHECK(malloc_type_register(NULL, 0) == -1 && malloc_type_register("", 0) == -1);
  char* block;
  MALLOC(block, char*, 30, second, M_WAITOK);
  CHECK_EQUAL(stats_of(second).inuse, 1);
  CHECK_EQUAL(stats_of(third).inuse, 0);
  FREE(block, second);
  MALLOC(block, char*, 30, M_DEVBUF, M_WAITOK);
  CHECK_EQUAL(stats_of(M_DEVBUF).memuse, 32);
  FREE(block, M_DEVBUF);
  struct heaptag_mtype_stats none;
  const int numbers[] = {M_FREE, 1, -1, M_LAST, M_LAST - 1, 1 << 30};
  for (int i = 0; i < 6; i++) {
    CHECK(heaptag_mtype_get_stats(numbers[i], &none) == -1);
    CHECK(heaptag_mtype_setlimit(numbers[i], 1) == -1);
  }
}

static void all_types(void) {
  int made = 0, last = M_OWN;
  for (int type; (type = malloc_type_register("one of many", 0)) != -1; made++) {
    CHECK(type > last && type < M_LAST);
    last = type;
    char* block;
    MALLOC(block, char*, 10, type, M_NOWAIT);
    CHECK(block != NULL);
    FREE(block, type);
  }
  CHECK(made >= 500 && made < M_LAST);
  CHECK(malloc_type_register("one too many", 0) == -1);
}

// Without kmem_debug a wrong type is the business of the statistics: the block's own is charged.
static void wrong_type(void) {
  char* block;
  MALLOC(block, char*, 100, M_OWN, M_WAITOK);
  FREE(block, M_TEMP);
  CHECK_EQUAL(stats_of(M_OWN).inuse, 0);
  CHECK_EQUAL(stats_of(M_TEMP).inuse, 0);
}

static void unknown_flags(void) {
  char* block;
  MALLOC(block, char*, 100, M_OWN, M_NOWAIT | 0x7ffffffc);
  CHECK(block != NULL);
  FREE(block, M_OWN);
}

static void errno_is_kept(void) {
  char* block;
  for (int i = 0; i < 3; i++) {
    errno = 4711;
    MALLOC(block, char*, i == 2 ? 1ul << 20 : 100, M_OWN, i == 1);
    CHECK(errno == 4711);
    FREE(block, M_OWN);
    CHECK(errno == 4711);
  }
}

// "If the memory allocation request cannot be fulfilled, MALLOC returns a null pointer in the addr
// argument."
static void no_memory(void) {
  char* block = (char*)1;
  MALLOC(block, char*, 1ul << 62, M_OWN, M_WAITOK);
  CHECK(block == NULL);
  block = (char*)1;
  MALLOC(block, char*, ~0ul, M_OWN, M_WAITOK);
  CHECK(block == NULL);
  CHECK_EQUAL(stats_of(M_OWN).failed, 2);
  CHECK_EQUAL(stats_of(M_OWN).mapblocks, 2);
  CHECK_EQUAL(bucket(31).failed, 2);
  CHECK_EQUAL(stats_of(M_OWN).inuse, 0);
}

static const struct test_case cases[] = {
    {"B1_sizes", b1_sizes},   {"B1_casts", b1_casts},
    {"B1_large", large},      {"B2", b2_zero},
    {"B4", b4_sixteen_k},     {"B9_null", b9_free_null},
    {"size_zero", size_zero}, {"types", types},
    {"all_types", all_types}, {"wrong_type", wrong_type},
    {"errno", errno_is_kept}, {"unknown_flags", unknown_flags},
    {"no_memory", no_memory},
};

MAIN(cases)
