/* What is locked in memory, by the kernel's word, when blocks have come and gone. */
#define _GNU_SOURCE
#include <heaptag/osmalloc.h>
#include <linux/capability.h>
#include <malloc.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "../old_systems/cases.h"
#include "smaps.h"

#define MANY 200000

static OSMallocTag tag;
static void* blocks[MANY];

// A field of /proc/self/status, in kB.
static long status_kb(const char* field) {
  FILE* file = fopen("/proc/self/status", "r");
  CHECK(file != NULL);
  char line[256];
  long found = -1;
  while (found == -1 && fgets(line, sizeof line, file) != NULL) {
    if (strncmp(line, field, strlen(field)) == 0) {
      found = atol(line + strlen(field) + 1);
    }
  }
  fclose(file);
  CHECK(found >= 0);
  return found;
}

static void take_and_free(uint32_t size, int count) {
  for (int i = 0; i < count; i++) {
    blocks[i] = OSMalloc(size, tag);
    CHECK(blocks[i] != NULL);
    *(char*)blocks[i] = 1;
  }
  const long kb = (long)size * count / 1024;
  CHECK(status_kb("VmLck") >= kb);
  CHECK(status_kb("VmRSS") >= kb);
  for (int i = 0; i < count; i++) {
    OSFree(blocks[i], size, tag);
  }
}

// Slabs are looked at now and then, whenever as many blocks as a part of those that lie free, and
// some more, have been freed again.
static void go_on_with(uint32_t size, int count) {
  for (int i = 0; i < count / 4 + 2048; i++) {
    OSFree(OSMalloc(size, tag), size, tag);
  }
}

// Of each size a little is kept, beside the records of small blocks.
static void comes_back(void) {
  tag = OSMalloc_Tagalloc("many", OSMT_DEFAULT);
  memset(blocks, 1, sizeof blocks);
  const long locked = status_kb("VmLck"), resident = status_kb("VmRSS");

  static const struct {
    uint32_t size;
    int count;
  } bursts[] = {{128, MANY}, {1000, 25000}, {4096, 6000}, {20000, 1000}, {300000, 80}};

  long records_kb = 0;
  for (int i = 0; i < 5; i++) {
    take_and_free(bursts[i].size, bursts[i].count);
    go_on_with(bursts[i].size, bursts[i].count);
    CHECK(status_kb("VmLck") < locked + (i + 1) * 512);
    malloc_trim(0);
    records_kb += bursts[i].count * 80L / 1024;
    CHECK(status_kb("VmRSS") < resident + records_kb + (i + 1) * 1024);
  }
}

// With "all": mlockall, which is the program's, holds whatever OSFree does.
static void what_was_freed(void) {
  const int all = strcmp(argument, "all") == 0;
  tag = OSMalloc_Tagalloc("freed", OSMT_DEFAULT);
  if (all) {
    CHECK(mlockall(MCL_CURRENT | MCL_FUTURE) == 0);
  }
  static const uint32_t sizes[] = {5000, 100000, 1000000, 8u << 20};
  for (int i = 0; i < 4; i++) {
    void* block = OSMalloc(sizes[i], tag);
    CHECK(block != NULL && is_locked(block));
    OSFree(block, sizes[i], tag);
    char* other = malloc(sizes[i]);
    CHECK(other != NULL);
    CHECK_EQUAL(is_locked(other), all);
    CHECK_EQUAL(is_locked(other + sizes[i] - 1), all);
    free(other);
  }
}

static uint64_t wire_failures_of(OSMallocTag of) {
  struct heaptag_osmalloc_stats stats;
  CHECK(heaptag_osmalloc_get_stats(of, &stats) == 0);
  return stats.wire_failures;
}

// Nobody may lock anything from now on.
static void give_the_right_up(void) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct none[2];
  memset(none, 0, sizeof none);
  CHECK(syscall(SYS_capset, &header, none) == 0);
  const struct rlimit limit = {0, 0};
  CHECK(setrlimit(RLIMIT_MEMLOCK, &limit) == 0);
}

// Blocks that share pages, too: it is not pages that are counted. With "may": it is allowed.
static void each_block_is_counted(void) {
  const int may = strcmp(argument, "may") == 0;
  if (!may) {
    give_the_right_up();
  }
  static const uint32_t sizes[] = {16, 500, 4000, 100000};
  OSMallocTag others = OSMalloc_Tagalloc("others", OSMT_DEFAULT);
  OSMallocTag pageable = OSMalloc_Tagalloc("pageable", OSMT_PAGEABLE);
  tag = OSMalloc_Tagalloc("counted", OSMT_DEFAULT);
  uint64_t count = 0;
  for (int i = 0; i < 4; i++) {
    for (int k = 0; k < 10; k++) {
      CHECK(OSMalloc(sizes[i], tag) != NULL);
      CHECK_EQUAL(wire_failures_of(tag), may ? 0 : ++count);
    }
    CHECK(OSMalloc(sizes[i], others) != NULL);
  }
  CHECK(OSMalloc_noblock(100, tag) != NULL);
  CHECK_EQUAL(wire_failures_of(tag), may ? 0 : ++count);
  CHECK_EQUAL(wire_failures_of(others), may ? 0 : 4);
  CHECK(OSMalloc(5000, pageable) != NULL);
  CHECK_EQUAL(wire_failures_of(pageable), 0);
  CHECK(OSMalloc(100, pageable) != NULL);
  CHECK_EQUAL(wire_failures_of(pageable), may ? 0 : 1);
}

static const struct test_case cases[] = {
    {"comes_back", comes_back},
    {"what_was_freed", what_was_freed},
    {"each_block_is_counted", each_block_is_counted},
};

MAIN(cases)
