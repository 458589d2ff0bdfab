/* Limits: compared before a block is allocated; who waits goes on when another thread frees. No
 * case asserts how long anything takes: HEAPTAG_OSF_WAIT_MS is far away or near. */
#include <heaptag/mtype.h>
#include <pthread.h>
#include <stdint.h>
#include <time.h>

#include "../old_systems/cases.h"

MALLOC_TYPE_DECLARE(M_LIMITED);
MALLOC_TYPE_DEFINE(M_LIMITED, "limited", 1000);
MALLOC_DECLARE(M_NETBSD);
MALLOC_DEFINE_LIMIT(M_NETBSD, "netbsd", "with a limit", 1000);
MALLOC_DECLARE(M_LATER);
MALLOC_JUSTDEFINE_LIMIT(M_LATER, "later", "with a limit", 1000);

static struct heaptag_mtype_stats stats_of(int type) {
  struct heaptag_mtype_stats stats;
  CHECK(heaptag_mtype_get_stats(type, &stats) == 0);
  return stats;
}

// Less than the limit in use: there is room for one more block, of any size.
static void b7_nowait(void) {
  char *first, *second, *third;
  MALLOC(first, char*, 900, M_LIMITED, M_NOWAIT);  // 1024 in its bucket, but only 0 were in use
  CHECK(first != NULL);
  CHECK_EQUAL(stats_of(M_LIMITED).memuse, 1024);
  MALLOC(second, char*, 1, M_LIMITED, M_NOWAIT);
  CHECK(second == NULL);
  CHECK_EQUAL(stats_of(M_LIMITED).failed, 1);
  CHECK_EQUAL(stats_of(M_LIMITED).limblocks, 0);
  MALLOC(third, char*, 1, M_DEVBUF, M_NOWAIT);  // others are not concerned
  CHECK(third != NULL);
  FREE(third, M_DEVBUF);
  FREE(first, M_LIMITED);
  MALLOC(first, char*, 896, M_LIMITED, M_NOWAIT);
  MALLOC(second, char*, 5000, M_LIMITED, M_NOWAIT);
  CHECK(first != NULL && second != NULL);
  CHECK_EQUAL(stats_of(M_LIMITED).memuse, 896 + 8192);
  FREE(first, M_LIMITED);
  MALLOC(first, char*, 1, M_LIMITED, M_NOWAIT);
  CHECK(first == NULL);
  FREE(second, M_LIMITED);
}

static char* held;

static void* wait_for_room(void* number) {
  char* block;
  if (number == NULL) {
    MALLOC(block, char*, 100, M_LIMITED, M_WAITOK);
  } else {
    MALLOC(block, char*, 100, M_NETBSD, M_WAITOK);
  }
  return block;
}

static void let_wait(int type) {
  const struct timespec moment = {0, 1000000};
  while (stats_of(type).limblocks == 0) {
    nanosleep(&moment, NULL);
  }
}

static void b7_wakes_up(void) {
  MALLOC(held, char*, 1000, M_LIMITED, M_WAITOK);
  pthread_t thread;
  CHECK(pthread_create(&thread, NULL, wait_for_room, NULL) == 0);
  let_wait(M_LIMITED);
  CHECK_EQUAL(stats_of(M_LIMITED).inuse, 1);
  FREE(held, M_LIMITED);
  void* block;
  CHECK(pthread_join(thread, &block) == 0);
  CHECK(block != NULL);
  CHECK_EQUAL(stats_of(M_LIMITED).inuse, 1);
  CHECK_EQUAL(stats_of(M_LIMITED).limblocks, 1);
  CHECK_EQUAL(stats_of(M_LIMITED).failed, 0);
  FREE(block, M_LIMITED);
}

static void b7_all_wake_up(void) {
  MALLOC(held, char*, 1000, M_LIMITED, M_WAITOK);
  pthread_t threads[8];
  for (int i = 0; i < 8; i++) {
    CHECK(pthread_create(&threads[i], NULL, wait_for_room, NULL) == 0);
  }
  const struct timespec moment = {0, 1000000};
  while (stats_of(M_LIMITED).limblocks < 8) {
    nanosleep(&moment, NULL);
  }
  FREE(held, M_LIMITED);  // 8 blocks of 128: each finds less than 1000 in use
  for (int i = 0; i < 8; i++) {
    void* block;
    CHECK(pthread_join(threads[i], &block) == 0);
    CHECK(block != NULL);
    FREE(block, M_LIMITED);
  }
}

static void b7_new_limit_wakes_up(void) {
  MALLOC(held, char*, 1000, M_LIMITED, M_WAITOK);
  pthread_t thread;
  CHECK(pthread_create(&thread, NULL, wait_for_room, NULL) == 0);
  let_wait(M_LIMITED);
  CHECK(heaptag_mtype_setlimit(M_LIMITED, 0) == 0);
  void* block;
  CHECK(pthread_join(thread, &block) == 0);
  CHECK(block != NULL);
  FREE(block, M_LIMITED);
  FREE(held, M_LIMITED);
}

// With a short HEAPTAG_OSF_WAIT_MS: nobody frees.
static void b7_timeout(void) {
  char* block = (char*)1;
  MALLOC(held, char*, 1000, M_LIMITED, M_WAITOK);
  MALLOC(block, char*, 1, M_LIMITED, M_WAITOK);
  CHECK(block == NULL);
  CHECK_EQUAL(stats_of(M_LIMITED).limblocks, 1);
  CHECK_EQUAL(stats_of(M_LIMITED).failed, 1);
  CHECK_EQUAL(stats_of(M_LIMITED).inuse, 1);
  FREE(held, M_LIMITED);
}

// "setlimit below current use blocks next alloc only"
static void n1_setlimit(void) {
  const int type = heaptag_malloc_type_number(M_NETBSD);
  CHECK(type > M_TEMP);
  CHECK_EQUAL(stats_of(type).limit, 1000);
  char *block, *next;
  malloc_type_setlimit(M_NETBSD, 100000);
  CHECK_EQUAL(stats_of(type).limit, 100000);
  MALLOC(block, char*, 16000, M_NETBSD, M_NOWAIT);
  CHECK(block != NULL);
  malloc_type_setlimit(M_NETBSD, 100);
  memset(block, 1, 16000);
  MALLOC(next, char*, 1, M_NETBSD, M_NOWAIT);
  CHECK(next == NULL);
  malloc_type_setlimit(M_NETBSD, 0);
  MALLOC(next, char*, 1, M_NETBSD, M_NOWAIT);
  CHECK(next != NULL);
  FREE(next, M_NETBSD);
  FREE(block, M_NETBSD);
}

static void n1_attach(void) {
  CHECK(heaptag_malloc_type_number(M_LATER) == 0);
  malloc_type_setlimit(M_LATER, 2000);
  malloc_type_attach(M_LATER);
  const int type = heaptag_malloc_type_number(M_LATER);
  CHECK(type > M_TEMP && type < M_LAST);
  CHECK_EQUAL(stats_of(type).limit, 2000);
  CHECK(strcmp(stats_of(type).name, "later") == 0);
  char* block;
  MALLOC(block, char*, 100, M_LATER, M_WAITOK);
  CHECK_EQUAL(stats_of(type).inuse, 1);
  FREE(block, M_LATER);
  malloc_type_detach(M_LATER);
  CHECK_EQUAL(stats_of(type).calls, 1);  // its figures remain
  malloc_type_attach(M_LATER);
  CHECK_EQUAL(heaptag_malloc_type_number(M_LATER), type);
  CHECK_EQUAL(stats_of(type).calls, 1);
}

// A module is loaded and unloaded for ever: numbers are not used up.
static void n1_attach_again_and_again(void) {
  for (int i = 0; i < 5000; i++) {
    malloc_type_attach(M_LATER);
    char* block;
    MALLOC(block, char*, 10, M_LATER, M_NOWAIT);
    FREE(block, M_LATER);
    malloc_type_detach(M_LATER);
  }
  CHECK_EQUAL(stats_of(heaptag_malloc_type_number(M_LATER)).calls, 5000);
}

// The log has a line; blocks in use can be freed.
static void n1_detach_in_use(void) {
  malloc_type_attach(M_LATER);
  char *first, *second;
  MALLOC(first, char*, 100, M_LATER, M_WAITOK);
  MALLOC(second, char*, 10, M_LATER, M_WAITOK);
  malloc_type_detach(M_LATER);
  FREE(first, M_LATER);
  FREE(second, M_LATER);
  CHECK_EQUAL(stats_of(heaptag_malloc_type_number(M_LATER)).inuse, 0);
}

static const struct test_case cases[] = {
    {"B7_nowait", b7_nowait},
    {"B7_wakes_up", b7_wakes_up},
    {"B7_all_wake_up", b7_all_wake_up},
    {"B7_new_limit_wakes_up", b7_new_limit_wakes_up},
    {"B7_timeout", b7_timeout},
    {"N1_setlimit", n1_setlimit},
    {"N1_attach", n1_attach},
    {"N1_attach_again_and_again", n1_attach_again_and_again},
    {"N1_detach_in_use", n1_detach_in_use},
};

MAIN(cases)
