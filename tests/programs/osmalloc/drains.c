/* A tag that is freed while blocks of it are in use, as XNU has it: it serves them until the last
 * is freed, and is gone then. HEAPTAG_OSM_DIALECT=xnu or xnu7195. */
#include <heaptag/osmalloc.h>
#include <stdint.h>

#include "../old_systems/cases.h"

static OSMallocTag tag;
static void* block;

static int is_listed(OSMallocTag wanted) {
  for (OSMallocTag at = heaptag_osmalloc_next_tag(NULL); at != NULL;
       at = heaptag_osmalloc_next_tag(at)) {
    if (at == wanted) {
      return 1;
    }
  }
  return 0;
}

static void free_tag(void) {
  OSMalloc_Tagfree(tag);
}

static void allocate(void) {
  block = OSMalloc(10, tag);
}

static void free_null(void) {
  OSFree(NULL, 10, tag);
}

static void free_more(void) {
  OSFree(block, OSMalloc_size(block) + 1, tag);
}

static void o10_drain(void) {
  tag = OSMalloc_Tagalloc("drained", OSMT_DEFAULT);
  void* first = OSMalloc(100, tag);
  OSMalloc_Tagfree(tag);
  CHECK(is_listed(tag));
  struct heaptag_osmalloc_stats stats;
  CHECK(heaptag_osmalloc_get_stats(tag, &stats) == 0);
  CHECK_EQUAL(stats.state, 0xDEAB0001);
  CHECK_EQUAL(stats.count, 1);
  const char* message = panic_of(free_tag);
  CHECK(message != NULL && strstr(message, "0xDEAB0001") != NULL);
  void* second = OSMalloc(50, tag);
  CHECK(second != NULL);
  OSFree(first, 100, tag);
  CHECK(is_listed(tag));
  OSFree(second, 50, tag);
  CHECK(!is_listed(tag));
  CHECK(panic_of(allocate) != NULL);
}

// A block belongs to a class of sizes: any size that fits is right.
static void smaller_size(void) {
  tag = OSMalloc_Tagalloc("sizes", OSMT_DEFAULT);
  block = OSMalloc(100, tag);
  CHECK(panic_of(free_more) != NULL);
  OSFree(block, 1, tag);
  block = OSMalloc(100, tag);
  OSFree(block, OSMalloc_size(block), tag);
  struct heaptag_osmalloc_stats stats;
  CHECK(heaptag_osmalloc_get_stats(tag, &stats) == 0);
  CHECK_EQUAL(stats.count, 1);
  CHECK_EQUAL(stats.live_bytes, 0);
  CHECK_EQUAL(stats.usable_bytes, 0);
}

static void no_block(void) {
  tag = OSMalloc_Tagalloc("null", OSMT_DEFAULT);
  block = OSMalloc(100, tag);
  struct heaptag_osmalloc_stats stats;
  if (strcmp(argument, "xnu7195") == 0) {
    CHECK(panic_of(free_null) == NULL);
    CHECK(heaptag_osmalloc_get_stats(tag, &stats) == 0);
    CHECK_EQUAL(stats.count, 1);
    const char* message = panic_of(free_null);  // takes the tag's own reference
    CHECK(message != NULL && strstr(message, "has refcnt 0") != NULL);
  } else {
    CHECK(panic_of(free_null) != NULL);
    CHECK(heaptag_osmalloc_get_stats(tag, &stats) == 0);
    CHECK_EQUAL(stats.count, 2);
  }
}

// The document's way, for comparison: the default.
static void strict(void) {
  tag = OSMalloc_Tagalloc("strict", OSMT_DEFAULT);
  block = OSMalloc(100, tag);
  OSMalloc_Tagfree(tag);
  CHECK(is_listed(tag));
  const char* message = panic_of(allocate);
  CHECK(message != NULL && strstr(message, "'strict' has bad state 0xDEAB0001") != NULL);
}

static const struct test_case cases[] = {
    {"O10", o10_drain}, {"smaller_size", smaller_size}, {"no_block", no_block}, {"strict", strict}};

MAIN(cases)
