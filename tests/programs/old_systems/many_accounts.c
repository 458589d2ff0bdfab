/* More tags, or more places, than reports can tell apart: what is beyond shares a tag there, and
 * every account is still its own: figures, and whose block it is. */
#define _GNU_SOURCE
#include <heaptag/mtype.h>
#include <heaptag/osmalloc.h>
#include <stdint.h>
#include <sys/resource.h>

#include "cases.h"

// What libheaptag-areas.so calls for its pools. 0: they cannot have figures of their own.
extern uint32_t heaptag_area_owner(const char* name, const void* site);

// So many names of tags there are, with all address space. Few with little of it.
#define ENOUGH 16384

// Before the library's first call: its tables are as large as the limit lets them be.
static void limit_address_space(void) {
  const struct rlimit limit = {2ul << 30, 2ul << 30};
  CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
}

static void use_names_up(int count) {
  char name[32];
  for (int i = 0; i < count; i++) {
    snprintf(name, sizeof name, "name %d", i);
    OSMallocTag tag = OSMalloc_Tagalloc(name, OSMT_DEFAULT);
    CHECK(tag != NULL);
    OSMalloc_Tagfree(tag);
  }
}

static void use_owners_up(void) {
  int i = 0;
  while (heaptag_area_owner("owner", (char*)0x100000000 + i * 16) != 0) {
    CHECK(++i < 400000);
  }
}

static struct heaptag_osmalloc_stats stats_of(OSMallocTag tag) {
  struct heaptag_osmalloc_stats stats;
  CHECK(heaptag_osmalloc_get_stats(tag, &stats) == 0);
  return stats;
}

static struct heaptag_mtype_stats stats_of_type(int type) {
  struct heaptag_mtype_stats stats;
  CHECK(heaptag_mtype_get_stats(type, &stats) == 0);
  return stats;
}

static void expect_types_apart(void) {
  const int first = malloc_type_register("first", 0), second = malloc_type_register("second", 0);
  CHECK(first > 0 && second > 0 && first != second);
  void *of_first[3], *of_second;
  for (int i = 0; i < 3; i++) {
    MALLOC(of_first[i], void*, 100, first, M_WAITOK);
    CHECK(of_first[i] != NULL);
  }
  MALLOC(of_second, void*, 1000, second, M_WAITOK);
  CHECK_EQUAL(stats_of_type(first).inuse, 3);
  CHECK_EQUAL(stats_of_type(first).requested, 300);
  CHECK_EQUAL(stats_of_type(second).inuse, 1);
  CHECK_EQUAL(stats_of_type(second).requested, 1000);
  FREE(of_first[0], first);
  CHECK_EQUAL(stats_of_type(first).inuse, 2);
  FREE(of_second, first);  // charged to its own type
  CHECK_EQUAL(stats_of_type(first).inuse, 2);
  CHECK_EQUAL(stats_of_type(second).inuse, 0);
  FREE(of_first[1], first);
  FREE(of_first[2], first);
  CHECK_EQUAL(stats_of_type(first).requested, 0);
  CHECK_EQUAL(stats_of_type(first).calls, 3);
}

static OSMallocTag right, wrong;
static void* of_right;

static void free_with_the_wrong_tag(void) {
  OSFree(of_right, 10, wrong);
}

static void free_with_the_right_tag(void) {
  OSFree(of_right, 10, right);
}

static void expect_tags_apart(void) {
  right = OSMalloc_Tagalloc("right", OSMT_DEFAULT);
  wrong = OSMalloc_Tagalloc("wrong", OSMT_DEFAULT);
  CHECK(right != NULL && wrong != NULL);
  of_right = OSMalloc(10, right);
  void* of_wrong = OSMalloc(1000, wrong);
  CHECK(of_right != NULL && of_wrong != NULL);
  CHECK_EQUAL(stats_of(right).live_bytes, 10);
  CHECK_EQUAL(stats_of(wrong).live_bytes, 1000);
  const char* message = panic_of(free_with_the_wrong_tag);
  CHECK(message != NULL && strstr(message, "belongs to 'right', not to 'wrong'") != NULL);
  CHECK_EQUAL(stats_of(right).live_bytes, 10);
  CHECK_EQUAL(stats_of(wrong).live_bytes, 1000);
  CHECK(panic_of(free_with_the_right_tag) == NULL);
  CHECK_EQUAL(stats_of(right).live_bytes, 0);
  CHECK_EQUAL(stats_of(right).count, 1);
  CHECK_EQUAL(stats_of(wrong).count, 2);
  OSFree(of_wrong, 1000, wrong);
  OSMalloc_Tagfree(right);
  OSMalloc_Tagfree(wrong);
}

// With "few": the twin, where there is room for all.
static void more_tags_than_names(void) {
  use_names_up(strcmp(argument, "few") == 0 ? 100 : ENOUGH + 100);
  expect_types_apart();
  expect_tags_apart();
}

static void more_tags_than_names_by_limit(void) {
  limit_address_space();
  use_names_up(2400);
  expect_types_apart();
  expect_tags_apart();
}

// Blocks from before and after there is no owner left.
static void more_owners_than_fit(void) {
  limit_address_space();
  OSMallocTag early = OSMalloc_Tagalloc("early", OSMT_DEFAULT);
  void* block = OSMalloc(5, early);
  CHECK(block != NULL);
  if (strcmp(argument, "few") != 0) {
    use_owners_up();
  }
  expect_types_apart();
  expect_tags_apart();
  for (int i = 0; i < 100; i++) {
    void* other = OSMalloc(1000, early);
    CHECK(other != NULL);
    OSFree(other, 1000, early);
  }
  CHECK_EQUAL(stats_of(early).live_bytes, 5);
  OSFree(block, 5, early);
  CHECK_EQUAL(stats_of(early).count, 1);
}

// Each has its own, or none: never the one that all others share.
static void pools_do_not_share_an_owner(void) {
  static unsigned char is_taken[4 * ENOUGH];
  int given = 0, refused = 0;
  char name[32];
  for (int i = 0; i < ENOUGH + 600; i++) {
    snprintf(name, sizeof name, "pool %d", i);
    const uint32_t owner = heaptag_area_owner(name, (void*)pools_do_not_share_an_owner);
    CHECK(owner < sizeof is_taken);
    CHECK(owner == 0 || !is_taken[owner]);
    is_taken[owner] = 1;
    given += owner != 0;
    refused += owner == 0;
  }
  CHECK(given > ENOUGH - 100 && refused > 600);
}

static const struct test_case cases[] = {
    {"more_tags_than_names", more_tags_than_names},
    {"more_tags_than_names_by_limit", more_tags_than_names_by_limit},
    {"more_owners_than_fit", more_owners_than_fit},
    {"pools_do_not_share_an_owner", pools_do_not_share_an_owner},
};

MAIN(cases)
