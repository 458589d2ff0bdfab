/* What the programs about area_malloc share: the module, a pool, and checks that name their line.
 */
#ifndef POOLS_H
#define POOLS_H

#include <heaptag/area_malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define READ_WRITE (B_READ_AREA | B_WRITE_AREA)
#define POOL_BYTES (64 * (size_t)B_PAGE_SIZE)

/* The pool's own: its header, and a tag before the only block. */
#define LARGEST_OF(pool_bytes) ((pool_bytes)-1024 - 16)

#define CHECK(condition)                                                            \
  do {                                                                              \
    if (!(condition)) {                                                             \
      fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, __LINE__, #condition); \
      _exit(1);                                                                     \
    }                                                                               \
  } while (0)

static inline area_malloc_module_info* get_areas(void) {
  module_info* found = NULL;
  CHECK(get_module(B_AREA_MALLOC_MODULE_NAME, &found) == B_OK);
  CHECK(found != NULL && strcmp(found->name, B_AREA_MALLOC_MODULE_NAME) == 0);
  return (area_malloc_module_info*)found;
}

static inline const void* new_pool(area_malloc_module_info* areas, size_t size) {
  const void* pool = areas->create_pool(B_ANY_ADDRESS, size, B_NO_LOCK, READ_WRITE);
  CHECK(pool != NULL);
  return pool;
}

static inline area_malloc_figures figures_of(const void* pool) {
  area_malloc_figures figures;
  CHECK(area_malloc_get_figures(pool, &figures) == B_OK);
  return figures;
}

static inline int are_all(const void* bytes, int value, size_t count) {
  const unsigned char* at = (const unsigned char*)bytes;
  for (size_t i = 0; i < count; ++i) {
    if (at[i] != value) {
      return 0;
    }
  }
  return 1;
}

static inline void expect_success(pid_t child) {
  int status = -1;
  CHECK(waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

struct pool_case {
  const char* name;
  void (*run)(void);
};

/* argv[1] names the case; without it they are listed. */
static inline int run_case(int argc, char** argv, const struct pool_case* cases) {
  for (; cases->name != NULL; ++cases) {
    if (argc < 2) {
      puts(cases->name);
    } else if (strcmp(cases->name, argv[1]) == 0) {
      cases->run();
      return 0;
    }
  }
  return argc < 2 ? 0 : 2;
}

#endif
