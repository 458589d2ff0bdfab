/* Wired and pageable memory, and what happens when there is none. */
#define _GNU_SOURCE
#include <errno.h>
#include <heaptag/osmalloc.h>
#include <linux/capability.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "../old_systems/cases.h"
#include "smaps.h"

static struct heaptag_osmalloc_stats stats_of(OSMallocTag tag) {
  struct heaptag_osmalloc_stats stats;
  CHECK(heaptag_osmalloc_get_stats(tag, &stats) == 0);
  return stats;
}

static int is_wired(uint32_t size, OSMallocTag tag) {
  char* block = OSMalloc(size, tag);
  CHECK(block != NULL);
  const int locked = is_locked(block);
  CHECK(locked >= 0);
  if (size > 4096) {
    CHECK(is_locked(block + size - 1) == locked);
  }
  OSFree(block, size, tag);
  return locked;
}

// "An OSMallocTag created with this attribute allocates blocks of a full page size or larger in
// pageable memory, and blocks smaller than a full page size in wired memory."
static void wired(void) {
  const int wires = strcmp(argument, "unwired") != 0;
  OSMallocTag tag = OSMalloc_Tagalloc("default", OSMT_DEFAULT);
  OSMallocTag pageable = OSMalloc_Tagalloc("pageable", OSMT_PAGEABLE);
  static const uint32_t sizes[] = {1, 100, 4095, 4096, 4097, 8192, 16384, 100000, 2000000};
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    CHECK_EQUAL(is_wired(sizes[i], tag), wires);
    CHECK_EQUAL(is_wired(sizes[i], pageable), wires && sizes[i] < 4096);
  }
  void* block = OSMalloc_noblock(100, tag);
  CHECK_EQUAL(is_locked(block), wires);
  OSFree(block, 100, tag);
  CHECK_EQUAL(stats_of(tag).wire_failures, 0);
  CHECK_EQUAL(stats_of(pageable).wire_failures, 0);
  OSMalloc_Tagfree(tag);
  OSMalloc_Tagfree(pageable);
}

// A page that was wired for one block must be pageable for another one that is to be, whoever had
// it before.
static void wired_no_longer(void) {
  OSMallocTag tag = OSMalloc_Tagalloc("default", OSMT_DEFAULT);
  OSMallocTag pageable = OSMalloc_Tagalloc("pageable", OSMT_PAGEABLE);
  for (int round = 0; round < 50; round++) {
    for (uint32_t size = 4096; size <= 1 << 20; size *= 4) {
      CHECK(is_wired(size, round % 2 ? tag : pageable) == round % 2);
    }
  }
}

// Without the right to lock: blocks all the same, counted, said once.
static void cannot_wire(void) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct none[2];
  memset(none, 0, sizeof none);
  CHECK(syscall(SYS_capset, &header, none) == 0);
  struct rlimit limit = {0, 0};
  CHECK(setrlimit(RLIMIT_MEMLOCK, &limit) == 0);
  OSMallocTag tag = OSMalloc_Tagalloc("default", OSMT_DEFAULT);
  CHECK(tag != NULL);
  char* blocks[20];
  for (int i = 0; i < 20; i++) {
    blocks[i] = OSMalloc(100000, tag);
    CHECK(blocks[i] != NULL);
    memset(blocks[i], 1, 100000);
    CHECK(is_locked(blocks[i]) == 0);
  }
  CHECK_EQUAL(stats_of(tag).wire_failures, 20);
  CHECK_EQUAL(stats_of(tag).failed, 0);
  for (int i = 0; i < 20; i++) {
    OSFree(blocks[i], 100000, tag);
  }
}

// NULL, and the tag is as it was.
static void o16_no_memory(void) {
  OSMallocTag tag = OSMalloc_Tagalloc("much", OSMT_PAGEABLE);
  struct rlimit limit = {1ul << 30, 1ul << 30};
  CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
  static void* blocks[64];
  int count = 0;
  errno = 0;
  while (count < 64 && (blocks[count] = OSMalloc(100u << 20, tag)) != NULL) {
    count++;
  }
  CHECK(count < 11 && errno == ENOMEM);
  struct heaptag_osmalloc_stats stats = stats_of(tag);
  CHECK_EQUAL(stats.count, 1 + count);
  CHECK_EQUAL(stats.allocations, count);
  CHECK_EQUAL(stats.live_bytes, (uint64_t)count * (100u << 20));
  CHECK_EQUAL(stats.failed, 1);
  for (int i = 0; i < count; i++) {
    OSFree(blocks[i], 100u << 20, tag);
  }
  CHECK_EQUAL(stats_of(tag).count, 1);
  OSMalloc_Tagfree(tag);
}

static void o20_largest(void) {
  OSMallocTag tag = OSMalloc_Tagalloc("largest", OSMT_PAGEABLE);
  struct rlimit limit = {1ul << 30, 1ul << 30};
  CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
  CHECK(OSMalloc(0xFFFFFFFF, tag) == NULL);
  CHECK(OSMalloc_noblock(0xFFFFFFFF, tag) == NULL);
  CHECK_EQUAL(stats_of(tag).count, 1);
  CHECK_EQUAL(stats_of(tag).failed, 2);
  OSMalloc_Tagfree(tag);
}

// Its twin: with room there is such a block.
static void largest_with_room(void) {
  OSMallocTag tag = OSMalloc_Tagalloc("largest", OSMT_PAGEABLE);
  char* block = OSMalloc(0xFFFFFFFF, tag);
  CHECK(block != NULL);
  block[0] = block[0xFFFFFFFE] = 1;
  CHECK_EQUAL(stats_of(tag).live_bytes, 0xFFFFFFFF);
  CHECK_EQUAL(OSMalloc_size(block), 0xFFFFFFFF);  // more cannot be said
  OSFree(block, 0xFFFFFFFF, tag);
  OSMalloc_Tagfree(tag);
}

static const struct test_case cases[] = {
    {"wired", wired},
    {"wired_no_longer", wired_no_longer},
    {"cannot_wire", cannot_wire},
    {"O16", o16_no_memory},
    {"O20", o20_largest},
    {"largest_with_room", largest_with_room},
};

MAIN(cases)
