/* HEAPTAG_KMEM_DEBUG=1: freed blocks that were written to are found when slabs are let go, and the
 * hook leaves by longjmp: memory goes back later all the same. With "clean": nobody writes. */
#include <heaptag/mtype.h>
#include <stdint.h>

#include "../old_systems/cases.h"

#define SIZE 256ul
#define BUCKET 7
#define CORRUPTED 2400
#define MANY 20000

static char* blocks[MANY];
static volatile int hooked;
static int type;

static void count_and_leave(const char* message) {
  (void)message;
  hooked++;
  longjmp(before_panic, 1);
}

static void allocate_all(int count) {
  for (volatile int i = 0; i < count;) {
    if (setjmp(before_panic) == 0) {
      MALLOC(blocks[i], char*, SIZE, type, M_WAITOK);
      CHECK(blocks[i] != NULL);
      i++;
    }
  }
}

static void free_all(int count, int is_corrupted) {
  for (volatile int i = 0; i < count; i++) {
    char* volatile block = blocks[i];
    if (setjmp(before_panic) == 0) {
      FREE(block, type);
    }
    if (is_corrupted) {
      block[3] ^= 1;
    }
  }
}

static struct heaptag_bucket_stats bucket(void) {
  struct heaptag_bucket_stats stats;
  CHECK(heaptag_bucket_get_stats(BUCKET, &stats) == 0);
  CHECK_EQUAL(stats.element_size, SIZE);
  return stats;
}

static void goes_on_after_a_panic(void) {
  const int is_corrupted = strcmp(argument, "clean") != 0;
  type = malloc_type_register("trimmed", 0);
  heaptag_set_panic_hook(count_and_leave);
  allocate_all(CORRUPTED);
  free_all(CORRUPTED, is_corrupted);
  CHECK_EQUAL(bucket().in_use, 0);
  const int hooked_by_trimming = hooked;
  CHECK((hooked_by_trimming != 0) == is_corrupted);
  for (int round = 0; round < 3; round++) {
    allocate_all(MANY);
    CHECK(bucket().total >= MANY);
    free_all(MANY, 0);
    CHECK_EQUAL(bucket().in_use, 0);
    // What lies free, and what was withdrawn: not as much as there was.
    CHECK(bucket().total < CORRUPTED + 6000);
  }
  CHECK((hooked > hooked_by_trimming) == is_corrupted);
  struct heaptag_mtype_stats stats;
  CHECK(heaptag_mtype_get_stats(type, &stats) == 0);
  CHECK_EQUAL(stats.inuse, 0);
  CHECK_EQUAL(stats.memuse, 0);
}

static const struct test_case cases[] = {{"goes_on_after_a_panic", goes_on_after_a_panic}};

MAIN(cases)
