/* Sizes that nobody has, and such that overflow when a redzone is added: NULL. */
#include <heaptag/mtype.h>
#include <limits.h>
#include <stdint.h>

#include "../old_systems/cases.h"

static char* try_size(unsigned long size) {
  char* block = (char*)1;
  MALLOC(block, char*, size, M_DEVBUF, M_WAITOK);
  return block;
}

static struct heaptag_mtype_stats stats(void) {
  struct heaptag_mtype_stats now;
  CHECK(heaptag_mtype_get_stats(M_DEVBUF, &now) == 0);
  return now;
}

static void sizes_that_overflow(void) {
  uint64_t tried = 0;
  for (unsigned long below = 0; below <= 4096 + 64; below += below < 256 ? 1 : 61) {
    CHECK(try_size(ULONG_MAX - below) == NULL);
    tried++;
  }
  for (unsigned long size = 1ul << 63; size > 1ul << 47; size /= 2) {
    CHECK(try_size(size) == NULL && try_size(size + 1) == NULL && try_size(size - 1) == NULL);
    tried += 3;
  }
  CHECK_EQUAL(stats().failed, tried);
  CHECK_EQUAL(stats().inuse, 0);
  CHECK_EQUAL(stats().memuse, 0);
}

// The twin: sizes around those of elements and pages.
static void sizes_that_fit(void) {
  for (unsigned long size = 1; size <= 64ul << 20; size *= 2) {
    for (unsigned long around = size - 1; around <= size + 1; around++) {
      char* block = try_size(around);
      CHECK(block != NULL);
      if (around != 0) {
        block[0] = block[around - 1] = 1;
      }
      FREE(block, M_DEVBUF);
    }
  }
  CHECK_EQUAL(stats().failed, 0);
  CHECK_EQUAL(stats().inuse, 0);
}

static const struct test_case cases[] = {
    {"sizes_that_overflow", sizes_that_overflow},
    {"sizes_that_fit", sizes_that_fit},
};

MAIN(cases)
