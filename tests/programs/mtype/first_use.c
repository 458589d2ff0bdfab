/* M_DEVBUF and M_TEMP are made by whoever uses them first: many threads at once, in many children.
 */
#include <heaptag/mtype.h>
#include <pthread.h>
#include <sys/wait.h>

#include "../old_systems/cases.h"

#define THREADS 4
#define CHILDREN 60

static pthread_barrier_t barrier;
static int type;

static void* use_it(void* unused) {
  pthread_barrier_wait(&barrier);
  char* block;
  MALLOC(block, char*, 64, type, M_WAITOK);
  CHECK(block != NULL);
  memset(block, 1, 64);
  FREE(block, type);
  return unused;
}

static void use_it_by_many(void) {
  pthread_t threads[THREADS];
  CHECK(pthread_barrier_init(&barrier, NULL, THREADS) == 0);
  for (int i = 0; i < THREADS; i++) {
    CHECK(pthread_create(&threads[i], NULL, use_it, NULL) == 0);
  }
  for (int i = 0; i < THREADS; i++) {
    CHECK(pthread_join(threads[i], NULL) == 0);
  }
  struct heaptag_mtype_stats stats;
  CHECK(heaptag_mtype_get_stats(type, &stats) == 0);
  CHECK(strcmp(stats.name, type == M_DEVBUF ? "devbuf" : "temp") == 0);
  CHECK_EQUAL(stats.calls, THREADS);
  CHECK_EQUAL(stats.inuse, 0);
}

static void at_once(void) {
  for (int i = 0; i < CHILDREN; i++) {
    type = i % 2 ? M_DEVBUF : M_TEMP;
    const pid_t child = fork();
    CHECK(child != -1);
    if (child == 0) {
      use_it_by_many();
      _exit(0);
    }
    int status = -1;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK_EQUAL(status, 0);
  }
}

static const struct test_case cases[] = {{"at_once", at_once}};

MAIN(cases)
