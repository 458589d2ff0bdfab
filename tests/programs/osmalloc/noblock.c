/* OSMalloc_noblock: no system call, no lock that can be waited for. */
#define _GNU_SOURCE
#include <heaptag/osmalloc.h>
#include <signal.h>
#include <stdint.h>
#include <sys/time.h>

#include "../old_systems/no_system_calls.h"

#define MANY 4096

static OSMallocTag tag, pageable;
static void* blocks[MANY];
static uint32_t sizes[MANY];
static int given, refused;

static uint32_t size_of_number(int i) {
  static const uint32_t some[] = {1, 16, 100, 500, 2000, 4096, 8192, 20000};
  return some[i % 8];
}

static void take_some(void) {
  for (int i = 0; i < 16; i++) {
    sizes[i] = size_of_number(i);
    blocks[i] = (i % 2 ? OSMalloc_nowait : OSMalloc_noblock)(sizes[i], i % 3 ? tag : pageable);
    given += blocks[i] != NULL;
    if (blocks[i] != NULL) {
      memset(blocks[i], i, sizes[i]);
    }
  }
}

// All that there is, and then NULL, still without a system call.
static void take_all(void) {
  for (int i = 0; i < MANY; i++) {
    sizes[i] = 4000;
    blocks[i] = OSMalloc_noblock(sizes[i], tag);
    given += blocks[i] != NULL;
    refused += blocks[i] == NULL;
  }
}

static void make_tags(void) {
  tag = OSMalloc_Tagalloc("noblock", OSMT_DEFAULT);
  pageable = OSMalloc_Tagalloc("noblock", OSMT_PAGEABLE);
}

static void free_all(int count) {
  for (int i = 0; i < count; i++) {
    if (blocks[i] != NULL) {
      OSFree(blocks[i], sizes[i], count == 16 && i % 3 == 0 ? pageable : tag);
    }
  }
}

static void silent(void) {
  make_tags();
  without_system_calls(take_some);
  CHECK_EQUAL(given, 16);
  for (int i = 0; i < 16; i++) {
    CHECK(((unsigned char*)blocks[i])[sizes[i] - 1] == i);
  }
  free_all(16);
}

static void silent_when_empty(void) {
  make_tags();
  without_system_calls(take_all);
  // The reserve is 1M by default.
  CHECK(given >= 100 && given * 4000 <= 2 << 20);
  CHECK(given + refused == MANY);
  struct heaptag_osmalloc_stats stats;
  CHECK(heaptag_osmalloc_get_stats(tag, &stats) == 0);
  CHECK_EQUAL(stats.allocations, given);
  CHECK_EQUAL(stats.failed, refused);
  CHECK_EQUAL(stats.count, 1 + given);
  free_all(MANY);
  // What was freed can be had again.
  void* block = OSMalloc_noblock(4000, tag);
  CHECK(block != NULL);
  OSFree(block, 4000, tag);
}

// Negative controls: the confinement is one, and OSMalloc does not live within it.
static void make_a_call(void) {
  syscall(SYS_getpid);
}

static void control(void) {
  without_system_calls(make_a_call);
}

static void take_with_osmalloc(void) {
  for (int i = 0; i < MANY; i++) {
    given += OSMalloc(100000, tag) != NULL;
  }
}

static void control_osmalloc(void) {
  make_tags();
  without_system_calls(take_with_osmalloc);
}

// The interrupted thread may hold any lock of the heap: to wait for one would be for ever.
static volatile int taken;
static volatile int storms;

static void in_handler(int signal) {
  (void)signal;
  storms++;
  if (taken < MANY) {
    blocks[taken] = OSMalloc_noblock(64, tag);
    if (blocks[taken] != NULL) {
      sizes[taken] = 64;
      taken++;
    }
  }
}

static void set_timer(long microseconds) {
  struct itimerval timer = {{0, microseconds}, {0, microseconds}};
  CHECK(setitimer(ITIMER_REAL, &timer, NULL) == 0);
}

static void interrupts(void) {
  make_tags();
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = in_handler;
  CHECK(sigaction(SIGALRM, &action, NULL) == 0);
  set_timer(97);
  for (unsigned i = 0; storms < 2000; i++) {
    const uint32_t size = 1u << i % 20;
    void* block = OSMalloc(size, tag);
    void* other = malloc(size);
    OSFree(block, size, tag);
    free(other);
    if (i % 64 == 0) {
      OSMallocTag short_lived = OSMalloc_Tagalloc("short", OSMT_PAGEABLE);
      OSFree(OSMalloc(5000, short_lived), 5000, short_lived);
      OSMalloc_Tagfree(short_lived);
    }
  }
  set_timer(0);
  const int count = taken;
  CHECK(count > 100);
  for (int i = 0; i < count; i++) {
    OSFree(blocks[i], sizes[i], tag);
  }
  struct heaptag_osmalloc_stats stats;
  CHECK(heaptag_osmalloc_get_stats(tag, &stats) == 0);
  CHECK_EQUAL(stats.count, 1);
}

static const struct test_case cases[] = {
    {"silent", silent},         {"silent_when_empty", silent_when_empty},
    {"control", control},       {"control_osmalloc", control_osmalloc},
    {"interrupts", interrupts},
};

MAIN(cases)
