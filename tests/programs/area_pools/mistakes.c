/* One mistake each: argv[1] names it. Where mistakes end the program it does not come to its end.
 */
#include <signal.h>
#include <sys/time.h>

#include "pools.h"

static area_malloc_module_info* areas;
static const void* pool;
static char* block;

static void none(void) {
  areas->free(pool, block);
}

static void double_free(void) {
  areas->free(pool, block);
  areas->free(pool, block);
}

static void double_free_of_joined(void) {
  char* behind = areas->malloc(pool, 100);
  areas->free(pool, block);
  areas->free(pool, behind);
  areas->free(pool, behind);
}

static void wrong_pool(void) {
  areas->free(new_pool(areas, POOL_BYTES), block);
}

static void foreign(void) {
  static char own[64];
  areas->free(pool, own);
}

static void inside(void) {
  areas->free(pool, block + 32);
}

static void realloc_of_freed(void) {
  areas->free(pool, block);
  CHECK(areas->realloc(pool, block, 200) == NULL);
}

static void overrun(void) {
  CHECK(areas->malloc(pool, 100) != NULL);
  memset(block, 0xee, 120);
  areas->free(pool, block);
}

static void overrun_then_malloc(void) {
  char* behind = areas->malloc(pool, 100);
  areas->malloc(pool, 100);
  areas->free(pool, behind);
  memset(block, 0xee, 120);
  CHECK(areas->malloc(pool, 100) == NULL);
}

static void write_after_free(void) {
  areas->malloc(pool, 16);
  areas->free(pool, block);
  memset(block, 0xee, 16);
  CHECK(areas->malloc(pool, 100) == block);
  CHECK(figures_of(pool).repaired == 1 && area_malloc_check(pool) == B_OK);
}

static void in_handler(int number) {
  (void)number;
  areas->free(pool, areas->malloc(pool, 10));
}

static void handler(void) {
  struct sigaction action = {.sa_handler = in_handler};
  sigaction(SIGALRM, &action, NULL);
  const struct itimerval often = {{0, 200}, {0, 200}};
  CHECK(setitimer(ITIMER_REAL, &often, NULL) == 0);
  for (int i = 0; i < 5000000; ++i) {
    areas->free(pool, areas->malloc(pool, 100));
  }
}

#define CASE(name) \
  { #name, name }

int main(int argc, char** argv) {
  static const struct pool_case cases[] = {CASE(none),
                                           CASE(double_free),
                                           CASE(double_free_of_joined),
                                           CASE(wrong_pool),
                                           CASE(foreign),
                                           CASE(inside),
                                           CASE(realloc_of_freed),
                                           CASE(overrun),
                                           CASE(overrun_then_malloc),
                                           CASE(write_after_free),
                                           CASE(handler),
                                           {NULL, NULL}};
  areas = get_areas();
  pool = area_malloc_create_pool("spoilt", B_ANY_ADDRESS, POOL_BYTES, B_NO_LOCK,
                                 B_READ_AREA | B_WRITE_AREA);
  block = areas->malloc(pool, 100);
  return run_case(argc, argv, cases);
}
