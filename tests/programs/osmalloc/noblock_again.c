/* OSMalloc_noblock after bursts of other sizes, and what it gives for pageable tags. */
#include <heaptag/osmalloc.h>
#include <stdint.h>

#include "../old_systems/cases.h"

#define MOST 100000

static void* blocks[MOST];
static OSMallocTag tag;

// All that can be had without waiting.
static int take_all(uint32_t size) {
  int count = 0;
  while (count < MOST && (blocks[count] = OSMalloc_noblock(size, tag)) != NULL) {
    count++;
  }
  CHECK(count < MOST);
  return count;
}

static void free_all(int count, uint32_t size) {
  for (int i = 0; i < count; i++) {
    OSFree(blocks[i], size, tag);
  }
}

// Memory that was prepared goes from one size to another, as often as it is wanted: calls that may
// wait see to it. At least half of it is there, and elements of 16 bytes fill a quarter of a slab.
static void after_bursts_of_other_sizes(void) {
  static const uint32_t sizes[] = {4096, 64, 2048, 20000, 16, 1024, 32768, 500};
  tag = OSMalloc_Tagalloc("bursts", OSMT_DEFAULT);
  for (int round = 0; round < 40; round++) {
    const uint32_t size = sizes[round % 8];
    const int count = take_all(size);
    CHECK((uint64_t)count * size >= 128 * 1024);
    free_all(count, size);
    for (int i = 0; i < 1100; i++) {
      OSFree(OSMalloc(128, tag), 128, tag);
    }
  }
  for (int i = 0; i < 8; i++) {
    void* block = OSMalloc_noblock(sizes[i], tag);
    CHECK(block != NULL);
    OSFree(block, sizes[i], tag);
  }
}

// "allocates blocks of a full page size or larger in pageable memory": they begin at a page, also
// with HEAPTAG_REDZONE, and are zero.
static void pageable_begins_at_a_page(void) {
  tag = OSMalloc_Tagalloc("pageable", OSMT_PAGEABLE);
  for (int round = 0; round < 3; round++) {
    for (uint32_t size = 4096; size <= 32768; size += 509) {
      unsigned char* block = OSMalloc_noblock(size, tag);
      CHECK(block != NULL);
      CHECK_EQUAL((uintptr_t)block % 4096, 0);
      for (uint32_t i = 0; i < size; i++) {
        CHECK(block[i] == 0);
      }
      memset(block, 0xff, size);
      OSFree(block, size, tag);
    }
  }
}

// The twin: what is smaller does not, and may lie anywhere.
static void smaller_is_aligned(void) {
  tag = OSMalloc_Tagalloc("pageable", OSMT_PAGEABLE);
  for (uint32_t size = 1; size < 4096; size += 13) {
    char* block = OSMalloc_noblock(size, tag);
    CHECK(block != NULL);
    CHECK_EQUAL((uintptr_t)block % 16, 0);
    memset(block, 1, size);
    OSFree(block, size, tag);
  }
}

static const struct test_case cases[] = {
    {"after_bursts_of_other_sizes", after_bursts_of_other_sizes},
    {"pageable_begins_at_a_page", pageable_begins_at_a_page},
    {"smaller_is_aligned", smaller_is_aligned},
};

MAIN(cases)
