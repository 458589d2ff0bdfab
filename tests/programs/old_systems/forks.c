/* A child has copies of tags, types, blocks and figures, whatever other threads do meanwhile. */
#include <heaptag/mtype.h>
#include <heaptag/osmalloc.h>
#include <pthread.h>
#include <sys/wait.h>

#include "cases.h"

static OSMallocTag tag;
static volatile int stops;

static void* keep_busy(void* unused) {
  while (!stops) {
    OSFree(OSMalloc(200, tag), 200, tag);
    char* block;
    MALLOC(block, char*, 300, M_DEVBUF, M_WAITOK);
    FREE(block, M_DEVBUF);
    OSMallocTag short_lived = OSMalloc_Tagalloc("short", OSMT_DEFAULT);
    OSMalloc_Tagfree(short_lived);
  }
  return unused;
}

static void in_child(void* of_tag, char* of_type, int type) {
  struct heaptag_mtype_stats stats;
  CHECK(heaptag_mtype_get_stats(type, &stats) == 0);
  CHECK_EQUAL(stats.inuse, 1);
  FREE(of_type, type);
  MALLOC(of_type, char*, 5000, type, M_NOWAIT | M_ZERO);
  CHECK(of_type != NULL);
  FREE(of_type, type);
  CHECK(heaptag_mtype_get_stats(type, &stats) == 0);
  CHECK_EQUAL(stats.inuse, 0);
  OSFree(of_tag, 100, tag);
  void* block = OSMalloc(10000, tag);
  CHECK(block != NULL);
  OSFree(block, 10000, tag);
}

static void fork_with(int count) {
  tag = OSMalloc_Tagalloc("forks", OSMT_DEFAULT);
  const int type = malloc_type_register("forks", 0);
  void* of_tag = OSMalloc(100, tag);
  char* of_type;
  MALLOC(of_type, char*, 100, type, M_WAITOK);
  pthread_t threads[4];
  for (int i = 0; i < count; i++) {
    CHECK(pthread_create(&threads[i], NULL, keep_busy, NULL) == 0);
  }
  for (int i = 0; i < (count == 0 ? 5 : 100); i++) {
    fflush(stdout);
    const pid_t child = fork();
    CHECK(child != -1);
    if (child == 0) {
      in_child(of_tag, of_type, type);
      _exit(0);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK_EQUAL(status, 0);
  }
  stops = 1;
  for (int i = 0; i < count; i++) {
    CHECK(pthread_join(threads[i], NULL) == 0);
  }
  struct heaptag_osmalloc_stats stats;
  CHECK(heaptag_osmalloc_get_stats(tag, &stats) == 0);
  CHECK_EQUAL(stats.count, 2);
  FREE(of_type, type);
  OSFree(of_tag, 100, tag);
}

static void alone(void) {
  fork_with(0);
}

static void among_threads(void) {
  fork_with(4);
}

static const struct test_case cases[] = {{"alone", alone}, {"among_threads", among_threads}};

MAIN(cases)
