/* OSMalloc, sentence by sentence of its document, and what XNU adds: one case a run. */
#include <errno.h>
#include <heaptag/osmalloc.h>
#include <stdint.h>

#include "../old_systems/cases.h"

#define PAGE 4096u

static struct heaptag_osmalloc_stats stats_of(OSMallocTag tag) {
  struct heaptag_osmalloc_stats stats;
  memset(&stats, 0xa5, sizeof stats);
  CHECK(heaptag_osmalloc_get_stats(tag, &stats) == 0);
  return stats;
}

static int is_aligned(const void* address, uintptr_t to) {
  return (uintptr_t)address % to == 0;
}

static int is_zero(const void* address, size_t size) {
  const unsigned char* bytes = address;
  for (size_t i = 0; i < size; i++) {
    if (bytes[i] != 0) {
      return 0;
    }
  }
  return 1;
}

// "Calling this function twice with the same name creates two tags, which share that name."
static void o1_equal_names(void) {
  OSMallocTag first = OSMalloc_Tagalloc("a", OSMT_DEFAULT);
  OSMallocTag second = OSMalloc_Tagalloc("a", OSMT_DEFAULT);
  CHECK(first != NULL && second != NULL && first != second);
  CHECK(strcmp(stats_of(first).name, "a") == 0 && strcmp(stats_of(second).name, "a") == 0);
  CHECK(heaptag_osmalloc_next_tag(NULL) == first);
  CHECK(heaptag_osmalloc_next_tag(first) == second);
  CHECK(heaptag_osmalloc_next_tag(second) == NULL);
  void* block = OSMalloc(100, first);
  CHECK_EQUAL(stats_of(first).live_blocks, 1);
  CHECK_EQUAL(stats_of(second).live_blocks, 0);
  OSFree(block, 100, first);
  OSMalloc_Tagfree(first);
  CHECK(heaptag_osmalloc_next_tag(NULL) == second);
  CHECK(heaptag_osmalloc_next_tag(first) == second);  // the walk goes on behind what is gone
  OSMalloc_Tagfree(second);
  CHECK(heaptag_osmalloc_next_tag(NULL) == NULL);
}

// "names of a length up to 63 characters"
static void o2_long_names(void) {
  static const size_t lengths[] = {0, 1, 62, 63, 64, 200};
  for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
    char name[201];
    for (size_t at = 0; at < lengths[i]; at++) {
      name[at] = (char)('a' + at % 26);
    }
    name[lengths[i]] = 0;
    OSMallocTag tag = OSMalloc_Tagalloc(name, OSMT_DEFAULT);
    CHECK(tag != NULL);
    const struct heaptag_osmalloc_stats stats = stats_of(tag);
    const size_t kept = lengths[i] < 63 ? lengths[i] : 63;
    memset(name, 'X', lengths[i]);  // it was copied
    CHECK_EQUAL(strlen(stats.name), kept);
    for (size_t at = 0; at < kept; at++) {
      CHECK(stats.name[at] == (char)('a' + at % 26));
    }
    OSMalloc_Tagfree(tag);
  }
}

static void o3_unknown_flags(void) {
  CHECK(OSMT_DEFAULT == 0x00 && OSMT_PAGEABLE == 0x01);
  static const uint32_t flags[] = {0, 1, 2, 0xFFFFFFFE, 0xFFFFFFFF};
  for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
    OSMallocTag tag = OSMalloc_Tagalloc("flags", flags[i]);
    CHECK_EQUAL(stats_of(tag).attr, flags[i] & 1);
    CHECK_EQUAL(stats_of(tag).state, 0xDEAB0000);
    OSMalloc_Tagfree(tag);
  }
}

// COUNT is one for the tag itself and one for each block.
static void o4_count(void) {
  OSMallocTag tag = OSMalloc_Tagalloc("count", OSMT_DEFAULT);
  CHECK_EQUAL(stats_of(tag).count, 1);
  char* block = OSMalloc(1, tag);
  CHECK(block != NULL);
  *block = 'x';
  struct heaptag_osmalloc_stats stats = stats_of(tag);
  CHECK_EQUAL(stats.count, 2);
  CHECK_EQUAL(stats.allocations, 1);
  CHECK_EQUAL(stats.live_blocks, 1);
  CHECK_EQUAL(stats.live_bytes, 1);
  CHECK_EQUAL(stats.usable_bytes, OSMalloc_size(block));
  OSFree(block, 1, tag);
  stats = stats_of(tag);
  CHECK_EQUAL(stats.count, 1);
  CHECK_EQUAL(stats.allocations, 1);
  CHECK_EQUAL(stats.frees, 1);
  CHECK_EQUAL(stats.live_blocks, 0);
  CHECK_EQUAL(stats.live_bytes, 0);
  CHECK_EQUAL(stats.usable_bytes, 0);
  CHECK_EQUAL(stats.allocated_bytes, 1);
  CHECK_EQUAL(stats.failed, 0);
  OSMalloc_Tagfree(tag);
}

static void o5_size_zero(void) {
  static const uint32_t attributes[] = {OSMT_DEFAULT, OSMT_PAGEABLE};
  for (int i = 0; i < 2; i++) {
    OSMallocTag tag = OSMalloc_Tagalloc("zero", attributes[i]);
    void* first = OSMalloc(0, tag);
    void* second = OSMalloc_noblock(0, tag);
    CHECK(first != NULL && second != NULL && first != second);
    CHECK_EQUAL(stats_of(tag).count, 3);
    CHECK_EQUAL(stats_of(tag).live_bytes, 0);
    OSFree(first, 0, tag);
    OSFree(second, 0, tag);
    CHECK_EQUAL(stats_of(tag).count, 1);
    OSMalloc_Tagfree(tag);
  }
}

// "pageable if size is a full page or larger": such blocks begin at a page and are zero, also when
// their memory was used before.
static void o6_pageable(void) {
  OSMallocTag tag = OSMalloc_Tagalloc("pages", OSMT_PAGEABLE);
  static const uint32_t sizes[] = {PAGE, PAGE + 1, 2 * PAGE, 16 * PAGE, 16 * PAGE + 1, 300 * PAGE};
  for (int round = 0; round < 20; round++) {
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
      unsigned char* block = OSMalloc(sizes[i], tag);
      CHECK(block != NULL && is_aligned(block, PAGE) && is_zero(block, sizes[i]));
      memset(block, 0xee, sizes[i]);
      OSFree(block, sizes[i], tag);
    }
  }
  // Below a page it is an ordinary block.
  void* blocks[100];
  for (int i = 0; i < 100; i++) {
    blocks[i] = OSMalloc(PAGE - 1, tag);
    CHECK(blocks[i] != NULL && is_aligned(blocks[i], 16));
    memset(blocks[i], 1, PAGE - 1);
  }
  for (int i = 0; i < 100; i++) {
    OSFree(blocks[i], PAGE - 1, tag);
  }
  OSMalloc_Tagfree(tag);
}

// "OSMalloc_nowait: Equivalent to OSMalloc_noblock", with both kinds of tags.
static void o7_noblock(void) {
  OSMallocTag wired = OSMalloc_Tagalloc("wired", OSMT_DEFAULT);
  OSMallocTag pageable = OSMalloc_Tagalloc("pageable", OSMT_PAGEABLE);
  const int is_xnu = strcmp(argument, "xnu") == 0;
  static const uint32_t sizes[] = {1, 100, PAGE - 1, PAGE, 2 * PAGE};
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    void* (*const calls[])(uint32_t, OSMallocTag) = {OSMalloc_noblock, OSMalloc_nowait};
    for (int call = 0; call < 2; call++) {
      void* block = calls[call](sizes[i], wired);
      CHECK(block != NULL && is_aligned(block, 16));
      memset(block, 7, sizes[i]);
      OSFree(block, sizes[i], wired);
      const uint64_t count = stats_of(pageable).count;
      block = calls[call](sizes[i], pageable);
      if (is_xnu) {
        CHECK(block == NULL);
        CHECK_EQUAL(stats_of(pageable).count, count);
      } else {
        CHECK(block != NULL);
        CHECK(sizes[i] < PAGE || (is_aligned(block, PAGE) && is_zero(block, sizes[i])));
        memset(block, 7, sizes[i]);
        OSFree(block, sizes[i], pageable);
      }
    }
  }
  CHECK_EQUAL(stats_of(wired).count, 1);
  CHECK_EQUAL(stats_of(pageable).count, 1);
  OSMalloc_Tagfree(wired);
  OSMalloc_Tagfree(pageable);
}

// The kernel's map is not touched by noblock: more than 8192 bytes come from there.
static void o8_noblock_large(void) {
  OSMallocTag tag = OSMalloc_Tagalloc("large", OSMT_DEFAULT);
  void* block = OSMalloc_noblock(8192, tag);
  CHECK(block != NULL);
  OSFree(block, 8192, tag);
  block = OSMalloc_noblock(8193, tag);
  CHECK((block == NULL) == (strcmp(argument, "xnu") == 0));
  if (block != NULL) {
    memset(block, 1, 8193);
    OSFree(block, 8193, tag);
  } else {
    CHECK_EQUAL(stats_of(tag).failed, 1);
  }
  CHECK_EQUAL(stats_of(tag).count, 1);
  OSMalloc_Tagfree(tag);
}

// All of OSMalloc_size is the caller's: neighbours stay as they are.
static void o18_usable_size(void) {
  static unsigned char* blocks[2000];
  static uint32_t sizes[2000];
  OSMallocTag tags[] = {OSMalloc_Tagalloc("size", OSMT_DEFAULT),
                        OSMalloc_Tagalloc("size", OSMT_PAGEABLE)};
  uint64_t usable = 0;
  for (int i = 0; i < 2000; i++) {
    sizes[i] = i < 1500 ? (uint32_t)i * 7 : (uint32_t)(i - 1500) * 150;
    blocks[i] = OSMalloc(sizes[i], tags[i % 2]);
    CHECK(blocks[i] != NULL);
    const uint32_t size = OSMalloc_size(blocks[i]);
    CHECK(size >= sizes[i]);
    usable += size;
    memset(blocks[i], i & 0xff, size);
  }
  CHECK_EQUAL(stats_of(tags[0]).usable_bytes + stats_of(tags[1]).usable_bytes, usable);
  for (int i = 0; i < 2000; i++) {
    const uint32_t size = OSMalloc_size(blocks[i]);
    for (uint32_t at = 0; at < size; at++) {
      CHECK(blocks[i][at] == (unsigned char)i);
    }
  }
  for (int i = 0; i < 2000; i++) {
    OSFree(blocks[i], sizes[i], tags[i % 2]);
  }
  OSMalloc_Tagfree(tags[0]);
  OSMalloc_Tagfree(tags[1]);
}

// VFSForGit's idea of a memory test: the caller's multiplication may not wrap.
static void* allocate_array(uint32_t count, uint32_t size, OSMallocTag tag) {
  const uint64_t bytes = (uint64_t)count * size;
  return bytes > UINT32_MAX ? NULL : OSMalloc((uint32_t)bytes, tag);
}

static void o21_arrays(void) {
  OSMallocTag tag = OSMalloc_Tagalloc("array", OSMT_DEFAULT);
  CHECK(allocate_array(UINT32_MAX, 8, tag) == NULL);
  uint64_t* array = allocate_array(10, 8, tag);
  CHECK(array != NULL);
  array[9] = 9;
  OSFree(array, 80, tag);
  CHECK_EQUAL(stats_of(tag).count, 1);
  OSMalloc_Tagfree(tag);
}

static void errno_is_kept(void) {
  errno = 4711;
  OSMallocTag tag = OSMalloc_Tagalloc("errno", OSMT_DEFAULT);
  static const uint32_t sizes[] = {1, 5000, 100000, 2000000};
  for (int i = 0; i < 4; i++) {
    void* block = OSMalloc(sizes[i], tag);
    CHECK(block != NULL && errno == 4711);
    OSFree(block, sizes[i], tag);
    block = OSMalloc_noblock(16, tag);
    OSFree(block, 16, tag);
    CHECK(errno == 4711);
  }
  OSMalloc_Tagfree(tag);
  CHECK(errno == 4711);
}

// What is no tag has no figures, and asking is harmless.
static void stats_of_no_tag(void) {
  struct heaptag_osmalloc_stats stats, before;
  memset(&stats, 0x5a, sizeof stats);
  before = stats;
  static uint64_t garbage[64];
  OSMallocTag gone = OSMalloc_Tagalloc("gone", OSMT_DEFAULT);
  OSMalloc_Tagfree(gone);
  OSMallocTag none[] = {NULL, (OSMallocTag)garbage, (OSMallocTag)0x10, gone};
  for (int i = 0; i < 4; i++) {
    CHECK(heaptag_osmalloc_get_stats(none[i], &stats) == -1);
    CHECK(memcmp(&stats, &before, sizeof stats) == 0);
  }
  CHECK(heaptag_osmalloc_next_tag((OSMallocTag)garbage) == NULL);
  CHECK(heaptag_osmalloc_next_tag((OSMallocTag)0x10) == NULL);
}

static const struct test_case cases[] = {
    {"O1", o1_equal_names}, {"O2", o2_long_names},    {"O3", o3_unknown_flags},
    {"O4", o4_count},       {"O5", o5_size_zero},     {"O6", o6_pageable},
    {"O7", o7_noblock},     {"O8", o8_noblock_large}, {"O18", o18_usable_size},
    {"O21", o21_arrays},    {"errno", errno_is_kept}, {"no_stats", stats_of_no_tag},
};

MAIN(cases)
