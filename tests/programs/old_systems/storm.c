/* Threads that hand blocks of all tags and types over, handlers that interrupt them and allocate,
 * and forks, all at once: every byte is as it was written, and in the end nothing is in use. */
#define _GNU_SOURCE
#include <errno.h>
#include <heaptag/mtype.h>
#include <heaptag/osmalloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "cases.h"

#define THREADS 4
#define KINDS 4
#define SLOTS 1024
#define ROUNDS 600
#define KEPT 32

enum how { OSMALLOC, NOBLOCK, WAITOK, NOWAIT };

struct block {
  unsigned char* address;
  uint32_t size;
  enum how how;
  int of;
};

static OSMallocTag tags[KINDS];
static int types[KINDS];
static struct block* slots[SLOTS];
static volatile int running;

static unsigned char byte_of(const struct block* block) {
  return (unsigned char)((uintptr_t)block->address >> 4 ^ block->size);
}

static void release(struct block* block) {
  for (uint32_t i = 0; i < block->size; i++) {
    CHECK(block->address[i] == byte_of(block));
  }
  if (block->how == OSMALLOC || block->how == NOBLOCK) {
    OSFree(block->address, block->size, tags[block->of]);
  } else {
    FREE(block->address, types[block->of]);
  }
  free(block);
}

static uint32_t random_size(unsigned* random) {
  const int which = rand_r(random) % 100;
  const int most = which < 80 ? 600 : which < 97 ? 9000 : 100000;
  return 1 + (uint32_t)(rand_r(random) % most);
}

// Null: what must not wait had to.
static struct block* take(unsigned* random) {
  struct block* block = malloc(sizeof *block);
  CHECK(block != NULL);
  block->how = (enum how)(rand_r(random) % 4);
  block->of = rand_r(random) % KINDS;
  block->size = random_size(random);
  if (block->how == NOWAIT && block->size > 16384) {
    block->size = 16384;
  }
  if (block->how == OSMALLOC) {
    block->address = OSMalloc(block->size, tags[block->of]);
  } else if (block->how == NOBLOCK) {
    block->address = OSMalloc_noblock(block->size, tags[block->of]);
  } else {
    const int flags = block->how == NOWAIT ? M_NOWAIT : M_WAITOK;
    MALLOC(block->address, unsigned char*, block->size, types[block->of], flags);
  }
  if (block->address == NULL) {
    CHECK(block->how == NOBLOCK || block->how == NOWAIT);
    free(block);
    return NULL;
  }
  memset(block->address, byte_of(block), block->size);
  return block;
}

static void put_in(int slot, struct block* block) {
  struct block* former = __atomic_exchange_n(&slots[slot], block, __ATOMIC_ACQ_REL);
  if (former != NULL) {
    release(former);
  }
}

static void empty_slots(void) {
  for (int i = 0; i < SLOTS; i++) {
    put_in(i, NULL);
  }
}

static void take_and_put(int count, unsigned* random) {
  for (int i = 0; i < count; i++) {
    struct block* block = take(random);
    if (block != NULL) {
      put_in(rand_r(random) % SLOTS, block);
    }
  }
}

static void* hand_over(void* number) {
  unsigned random = 1 + (unsigned)(uintptr_t)number;
  for (int round = 0; round < ROUNDS; round++) {
    take_and_put(round % 50 == 0 ? 1000 : 50, &random);
    if (round % 60 == 59) {
      empty_slots();
    }
  }
  __atomic_fetch_sub(&running, 1, __ATOMIC_RELEASE);
  return NULL;
}

// Blocks of the handler that only others may free.
static void* volatile kept[KEPT];
static volatile int kept_count;

static void allocate_in_handler(int number) {
  (void)number;
  const int saved = errno;
  unsigned char* blocks[8];
  for (int i = 0; i < 8; i++) {
    MALLOC(blocks[i], unsigned char*, 32u << i, types[i % KINDS], M_NOWAIT);
    if (blocks[i] != NULL) {
      memset(blocks[i], i, 32u << i);
    }
  }
  const int place = __atomic_fetch_add(&kept_count, 1, __ATOMIC_RELAXED);
  if (place < KEPT) {
    kept[place] = OSMalloc_noblock(100, tags[0]);
  }
  for (int i = 0; i < 8; i++) {
    for (unsigned at = 0; blocks[i] != NULL && at < 32u << i; at++) {
      if (blocks[i][at] != i) {
        abort();
      }
    }
    FREE(blocks[i], types[i % KINDS]);
  }
  errno = saved;
}

static void set_timer(long microseconds) {
  const struct itimerval timer = {{0, microseconds}, {0, microseconds}};
  CHECK(setitimer(ITIMER_REAL, &timer, NULL) == 0);
}

static void fork_once(unsigned* random) {
  fflush(stdout);
  const pid_t child = fork();
  CHECK(child != -1);
  if (child == 0) {
    take_and_put(200, random);
    _exit(0);
  }
  int status = -1;
  CHECK(waitpid(child, &status, 0) == child);
  CHECK_EQUAL(status, 0);
}

static void expect_nothing_in_use(void) {
  for (int i = 0; i < KINDS; i++) {
    struct heaptag_osmalloc_stats of_tag;
    CHECK(heaptag_osmalloc_get_stats(tags[i], &of_tag) == 0);
    CHECK_EQUAL(of_tag.count, 1);
    CHECK_EQUAL(of_tag.live_bytes, 0);
    CHECK_EQUAL(of_tag.usable_bytes, 0);
    struct heaptag_mtype_stats of_type;
    CHECK(heaptag_mtype_get_stats(types[i], &of_type) == 0);
    CHECK(of_type.calls > 0);
    CHECK_EQUAL(of_type.inuse, 0);
    CHECK_EQUAL(of_type.memuse, 0);
    CHECK_EQUAL(of_type.requested, 0);
  }
}

static void all_at_once(void) {
  for (int i = 0; i < KINDS; i++) {
    char name[16];
    snprintf(name, sizeof name, "storm %d", i);
    tags[i] = OSMalloc_Tagalloc(name, i == KINDS - 1 ? OSMT_PAGEABLE : OSMT_DEFAULT);
    types[i] = malloc_type_register(name, 0);
  }
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = allocate_in_handler;
  action.sa_flags = SA_RESTART;
  CHECK(sigaction(SIGALRM, &action, NULL) == 0);
  pthread_t threads[THREADS];
  running = THREADS;
  for (uintptr_t i = 0; i < THREADS; i++) {
    CHECK(pthread_create(&threads[i], NULL, hand_over, (void*)i) == 0);
  }
  set_timer(2000);
  unsigned random = 4711;
  for (int i = 0; __atomic_load_n(&running, __ATOMIC_ACQUIRE) != 0 || i < 5; i++) {
    fork_once(&random);
    usleep(20000);
  }
  set_timer(0);
  for (int i = 0; i < THREADS; i++) {
    CHECK(pthread_join(threads[i], NULL) == 0);
  }
  empty_slots();
  for (int i = 0; i < KEPT; i++) {
    if (kept[i] != NULL) {
      OSFree(kept[i], 100, tags[0]);
    }
  }
  expect_nothing_in_use();
}

static const struct test_case cases[] = {{"all_at_once", all_at_once}};

MAIN(cases)
