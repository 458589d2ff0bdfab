/* M_NOWAIT: the preallocated pool or NULL, and no system call in any case. The argument is the
 * size of the pool in bytes, as in HEAPTAG_OSF_POOL_BYTES. */
#define _GNU_SOURCE
#include <heaptag/mtype.h>
#include <signal.h>
#include <stdint.h>
#include <sys/time.h>

#include "../old_systems/no_system_calls.h"

#define MANY 65536
#define SIZE 1000ul

MALLOC_TYPE_DECLARE(M_POOL);
MALLOC_TYPE_DEFINE(M_POOL, "pool", 0);

static char* blocks[MANY];
static int given, refused, freed, bad_bytes;

static struct heaptag_mtype_stats stats_of(int type) {
  struct heaptag_mtype_stats stats;
  CHECK(heaptag_mtype_get_stats(type, &stats) == 0);
  return stats;
}

// The bucket of 1024 bytes.
static uint64_t bucket_failed(void) {
  struct heaptag_bucket_stats stats;
  CHECK(heaptag_bucket_get_stats(17, &stats) == 0 && stats.element_size == 1024);
  return stats.failed;
}

static void take_all(void) {
  for (int i = 0; i < MANY; i++) {
    MALLOC(blocks[i], char*, SIZE, M_POOL, M_NOWAIT | (i % 2 ? M_ZERO : 0));
    given += blocks[i] != NULL;
    refused += blocks[i] == NULL;
    if (blocks[i] != NULL) {
      bad_bytes += i % 2 && (blocks[i][0] != 0 || blocks[i][SIZE - 1] != 0);
      memset(blocks[i], 1, SIZE);
    }
  }
}

static void free_and_take_one(void) {
  for (int i = 0; i < MANY && freed < 100; i++) {
    if (blocks[i] != NULL) {
      FREE(blocks[i], M_POOL);
      MALLOC(blocks[i], char*, SIZE, M_POOL, M_NOWAIT);
      freed += blocks[i] != NULL;
    }
  }
}

// Every size up to 16384 in a thread that has never called before.
static void take_each_size(void) {
  for (unsigned long size = 0; size <= 16384; size += 61) {
    char* block;
    MALLOC(block, char*, size, M_POOL, M_NOWAIT | M_ZERO);
    given += block != NULL;
    FREE(block, M_POOL);
  }
}

static void b3_each_size(void) {
  without_system_calls(take_each_size);
  CHECK_EQUAL(given, 16384 / 61 + 1);
  CHECK_EQUAL(stats_of(M_POOL).inuse, 0);
}

static void b3_drain(void) {
  const uint64_t failed = bucket_failed();
  without_system_calls(take_all);
  const long pool = atol(argument);
  CHECK(given > 0 && refused > 0 && given + refused == MANY && bad_bytes == 0);
  CHECK(given * 1024l <= pool && given * 1024l >= pool / 2);
  struct heaptag_mtype_stats stats = stats_of(M_POOL);
  CHECK_EQUAL(stats.inuse, given);
  CHECK_EQUAL(stats.memuse, given * 1024l);
  CHECK_EQUAL(stats.failed, refused);
  CHECK_EQUAL(stats.calls, given);
  CHECK_EQUAL(bucket_failed() - failed, refused);
  without_system_calls(free_and_take_one);
  CHECK_EQUAL(freed, 100);
  // "Allocates memory from the virtual memory subsystem if there is not enough memory in the
  // preallocated pool."
  char* block;
  MALLOC(block, char*, SIZE, M_POOL, M_WAITOK);
  CHECK(block != NULL);
  FREE(block, M_POOL);
  for (int i = 0; i < MANY; i++) {
    if (blocks[i] != NULL) {
      FREE(blocks[i], M_POOL);
    }
  }
  stats = stats_of(M_POOL);
  CHECK_EQUAL(stats.inuse, 0);
  CHECK_EQUAL(stats.maxused, given * 1024l + 1024);
  given = refused = 0;
  take_all();
  CHECK(given > 0);
}

static void make_a_call(void) {
  syscall(SYS_getpid);
}

static void control(void) {
  without_system_calls(make_a_call);
}

static void take_waiting(void) {
  for (int i = 0; i < MANY; i++) {
    MALLOC(blocks[i], char*, SIZE, M_POOL, M_WAITOK);
  }
}

// M_WAITOK does go to the kernel: the confinement would see M_NOWAIT do it.
static void control_waitok(void) {
  without_system_calls(take_waiting);
}

static volatile int storms;

// Whatever the handler has interrupted.
static void in_handler(int signal) {
  (void)signal;
  char* block;
  MALLOC(block, char*, 48, M_POOL, M_NOWAIT);
  if (block != NULL) {
    memset(block, 0x55, 48);
    FREE(block, M_POOL);
  }
  storms++;
}

static void handlers(void) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = in_handler;
  CHECK(sigaction(SIGALRM, &action, NULL) == 0);
  struct itimerval timer = {{0, 97}, {0, 97}};
  CHECK(setitimer(ITIMER_REAL, &timer, NULL) == 0);
  for (unsigned i = 0; storms < 2000; i++) {
    char* block;
    MALLOC(block, char*, 1ul << i % 20, M_POOL, M_WAITOK);
    memset(block, 0xaa, 1ul << i % 20);
    FREE(block, M_POOL);
    free(malloc(1ul << i % 20));
  }
  memset(&timer, 0, sizeof timer);
  CHECK(setitimer(ITIMER_REAL, &timer, NULL) == 0);
  CHECK_EQUAL(stats_of(M_POOL).inuse, 0);
}

static const struct test_case cases[] = {
    {"B3", b3_drain},       {"B3_each_size", b3_each_size},
    {"control", control},   {"control_waitok", control_waitok},
    {"handlers", handlers},
};

MAIN(cases)
