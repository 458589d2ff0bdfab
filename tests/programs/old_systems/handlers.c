/* Signal handlers that interrupt a zone anywhere, and do what handlers may: free, allocate without
 * waiting, fork. */
#define _GNU_SOURCE
#include <errno.h>
#include <heaptag/mtype.h>
#include <heaptag/osmalloc.h>
#include <signal.h>
#include <stdint.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "cases.h"

static volatile int signals;

static void on_alarm(void (*handler)(int), long microseconds) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  CHECK(sigaction(SIGALRM, &action, NULL) == 0);
  const struct itimerval timer = {{0, microseconds}, {0, microseconds}};
  CHECK(setitimer(ITIMER_REAL, &timer, NULL) == 0);
}

static void no_more_alarms(void) {
  const struct itimerval never = {{0, 0}, {0, 0}};
  CHECK(setitimer(ITIMER_REAL, &never, NULL) == 0);
}

// Each new peak of memory in use is looked at under a lock, for as long as there are many tags.
#define TAGS 2000
#define BLOCKS 30000
#define FORKS 100

static volatile int failed_children;

static void fork_and_wait(int number) {
  (void)number;
  const int saved = errno;
  signals++;
  const pid_t child = fork();
  if (child == 0) {
    _exit(0);
  }
  int status = -1;
  failed_children += child == -1 || waitpid(child, &status, 0) != child || status != 0;
  errno = saved;
}

static void forks_while_the_peak_rises(void) {
  static OSMallocTag tags[TAGS];
  static void* blocks[BLOCKS];
  char name[32];
  for (int i = 0; i < TAGS; i++) {
    snprintf(name, sizeof name, "tag %d", i);
    tags[i] = OSMalloc_Tagalloc(name, OSMT_PAGEABLE);
  }
  on_alarm(fork_and_wait, 4000);
  for (uint32_t size = 200; signals < FORKS; size += 40) {
    for (int i = 0; i < BLOCKS && signals < FORKS; i++) {
      blocks[i] = OSMalloc(size, tags[i % TAGS]);
      CHECK(blocks[i] != NULL);
    }
    for (int i = 0; i < BLOCKS && blocks[i] != NULL; i++) {
      OSFree(blocks[i], size, tags[i % TAGS]);
      blocks[i] = NULL;
    }
    size = size > 1000 ? 200 : size;
  }
  no_more_alarms();
  CHECK_EQUAL(failed_children, 0);
}

// HEAPTAG_REDZONE=16: whoever frees a block with a damaged redzone tells of it, also in a handler
// that has interrupted somebody who is telling of another.
static int is_damaged;
static volatile unsigned damaged;

static void free_one(void) {
  char* block;
  MALLOC(block, char*, 100, M_DEVBUF, M_NOWAIT);
  if (block != NULL) {
    memset(block, 1, 100);
    block[100] = is_damaged ? 7 : block[100];
    damaged++;
    FREE(block, M_DEVBUF);
  }
}

static void free_one_of_them(int number) {
  (void)number;
  signals++;
  free_one();
}

static void frees_what_is_damaged(void) {
  is_damaged = strcmp(argument, "damaged") == 0;
  free_one();
  on_alarm(free_one_of_them, 200);
  while (signals < 1000) {
    free_one();
  }
  no_more_alarms();
  struct heaptag_mtype_stats stats;
  CHECK(heaptag_mtype_get_stats(M_DEVBUF, &stats) == 0);
  CHECK_EQUAL(stats.inuse, 0);
}

static const struct test_case cases[] = {
    {"forks_while_the_peak_rises", forks_while_the_peak_rises},
    {"frees_what_is_damaged", frees_what_is_damaged},
};

MAIN(cases)
