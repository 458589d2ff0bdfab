/* M9, M10, and handlers. POOLS_SECONDS says how long. */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <sys/time.h>
#include <time.h>

#include "pools.h"

enum { THREADS = 16, BLOCKS = 64, CREATORS = 8 };

static area_malloc_module_info* areas;
static const void* pools[2];
static double seconds_to_run;

struct totals {
  uint64_t allocations, frees, allocated_bytes, freed_bytes;
};

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

struct block {
  unsigned char* at;
  size_t size;
  unsigned char value;
};

static void fill(struct block* block, unsigned value) {
  block->value = (unsigned char)value;
  memset(block->at, block->value, block->size);
}

static void* allocate_at_random(void* argument) {
  const long number = (long)argument;
  unsigned seed = (unsigned)number + 1;
  struct totals* totals = calloc(1, sizeof *totals);
  struct block blocks[BLOCKS] = {{NULL, 0, 0}};
  const void* pool = pools[number % 2];
  const double end = now() + seconds_to_run;
  for (unsigned i = 0; i % 256 != 0 || now() < end; ++i) {
    struct block* block = &blocks[rand_r(&seed) % BLOCKS];
    const size_t size = (size_t)(rand_r(&seed) % 600) + 1;
    if (block->at == NULL) {
      block->at = i % 2 == 0 ? areas->malloc(pool, size) : areas->calloc(pool, 1, size);
      if (block->at == NULL) {
        continue;
      }
      CHECK(i % 2 == 0 || are_all(block->at, 0, size));
      block->size = size;
    } else {
      CHECK(are_all(block->at, block->value, block->size));
      if (i % 3 == 0) {
        unsigned char* moved = areas->realloc(pool, block->at, size);
        if (moved == NULL) {
          continue;
        }
        CHECK(are_all(moved, block->value, size < block->size ? size : block->size));
        totals->frees += 1;
        totals->freed_bytes += block->size;
        *block = (struct block){moved, size, 0};
      } else {
        areas->free(pool, block->at);
        totals->frees += 1;
        totals->freed_bytes += block->size;
        block->at = NULL;
        continue;
      }
    }
    totals->allocations += 1;
    totals->allocated_bytes += block->size;
    fill(block, i);
  }
  return totals;
}

static void random_operations(void) {
  areas = get_areas();
  for (int i = 0; i < 2; ++i) {
    pools[i] = new_pool(areas, 2 * POOL_BYTES);
  }
  pthread_t threads[THREADS];
  for (long i = 0; i < THREADS; ++i) {
    CHECK(pthread_create(&threads[i], NULL, allocate_at_random, (void*)i) == 0);
  }
  struct totals sums[2] = {{0, 0, 0, 0}, {0, 0, 0, 0}};
  for (int i = 0; i < THREADS; ++i) {
    struct totals* totals;
    CHECK(pthread_join(threads[i], (void**)&totals) == 0);
    sums[i % 2].allocations += totals->allocations;
    sums[i % 2].frees += totals->frees;
    sums[i % 2].allocated_bytes += totals->allocated_bytes;
    sums[i % 2].freed_bytes += totals->freed_bytes;
    free(totals);
  }
  for (int i = 0; i < 2; ++i) {
    CHECK(area_malloc_check(pools[i]) == B_OK);
    const area_malloc_figures figures = figures_of(pools[i]);
    CHECK(figures.allocations == sums[i].allocations && figures.frees == sums[i].frees);
    CHECK(figures.allocated_bytes == sums[i].allocated_bytes);
    CHECK(figures.freed_bytes == sums[i].freed_bytes);
    CHECK(figures.repaired == 0 && figures.refused == 0 && figures.allocations > 1000);
  }
}

static void* create_and_delete(void* argument) {
  unsigned seed = (unsigned)(long)argument + 1;
  const double end = now() + seconds_to_run;
  for (unsigned i = 0; i % 16 != 0 || now() < end; ++i) {
    const void* pool = new_pool(areas, POOL_BYTES);
    char* block = areas->malloc(pool, (size_t)rand_r(&seed) % 1000 + 8);
    CHECK(block != NULL && area_for(block) == area_malloc_pool_area(pool));
    memset(block, 1, 8);
    const void* named = i % 4 == 0 ? area_malloc_attach(area_malloc_pool_area(pool)) : pool;
    CHECK(named == pool);
    CHECK(areas->delete_pool(pool) == B_OK && areas->delete_pool(pool) == B_ERROR);
  }
  return NULL;
}

static void create_and_delete_at_once(void) {
  areas = get_areas();
  pthread_t threads[CREATORS];
  for (long i = 0; i < CREATORS; ++i) {
    CHECK(pthread_create(&threads[i], NULL, create_and_delete, (void*)i) == 0);
  }
  for (int i = 0; i < CREATORS; ++i) {
    CHECK(pthread_join(threads[i], NULL) == 0);
  }
  int32 cookie = 0;
  area_info info;
  CHECK(get_next_area_info(0, &cookie, &info) == B_BAD_VALUE);
}

static void* get_and_put(void* unused) {
  for (int i = 0; i < 2000; ++i) {
    area_malloc_module_info* got = get_areas();
    const void* pool = new_pool(got, B_PAGE_SIZE);
    CHECK(got->malloc(pool, 10) != NULL);
    CHECK(i % 2 == 0 || got->delete_pool(pool) == B_OK);
    CHECK(put_module(B_AREA_MALLOC_MODULE_NAME) == B_OK);
    /* Else there would be as many pools as a process may have. */
    CHECK(i % 2 != 0 || got->delete_pool(pool) != B_BAD_VALUE);
  }
  return unused;
}

static void get_and_put_at_once(void) {
  pthread_t threads[CREATORS];
  for (int i = 0; i < CREATORS; ++i) {
    CHECK(pthread_create(&threads[i], NULL, get_and_put, NULL) == 0);
  }
  for (int i = 0; i < CREATORS; ++i) {
    CHECK(pthread_join(threads[i], NULL) == 0);
  }
  CHECK(put_module(B_AREA_MALLOC_MODULE_NAME) == B_BAD_VALUE);
  int32 cookie = 0;
  area_info info;
  CHECK(get_next_area_info(0, &cookie, &info) == B_BAD_VALUE);
}

static volatile unsigned handled, refused;

static void allocate_in_handler(int number) {
  (void)number;
  void* block = areas->malloc(pools[0], 10);
  if (block == NULL) {
    ++refused;
  }
  areas->free(pools[0], block);
  ++handled;
}

/* "These functions aren't safe to call from interrupt handlers": not to be used, but nothing waits
 * for ever, and the pool stays whole. */
static void handlers_do_not_wait_for_themselves(void) {
  areas = get_areas();
  pools[0] = new_pool(areas, POOL_BYTES);
  struct sigaction action = {.sa_handler = allocate_in_handler, .sa_flags = SA_RESTART};
  sigaction(SIGALRM, &action, NULL);
  const struct itimerval often = {{0, 200}, {0, 200}};
  const double start = now();
  CHECK(setitimer(ITIMER_REAL, &often, NULL) == 0);
  while ((handled < 200 || refused == 0) && now() < start + 20) {
    void* block = areas->malloc(pools[0], 100);
    areas->free(pools[0], areas->realloc(pools[0], block, 2000));
  }
  const struct itimerval never = {{0, 0}, {0, 0}};
  setitimer(ITIMER_REAL, &never, NULL);
  CHECK(handled >= 200 && refused > 0 && refused <= handled);
  CHECK(area_malloc_check(pools[0]) == B_OK);
}

#define CASE(name) \
  { #name, name }

int main(int argc, char** argv) {
  static const struct pool_case cases[] = {CASE(random_operations),
                                           CASE(create_and_delete_at_once),
                                           CASE(get_and_put_at_once),
                                           CASE(handlers_do_not_wait_for_themselves),
                                           {NULL, NULL}};
  const char* seconds = getenv("POOLS_SECONDS");
  seconds_to_run = seconds == NULL ? 2 : atof(seconds);
  return run_case(argc, argv, cases);
}
