/* What the library says to libheaptag.so, whose part this program plays: it exports the functions
 * that the library looks for. The last figures of each owner have to be what the pool counts. */
#include <stdint.h>

#include "pools.h"

#define EXPORTED __attribute__((visibility("default"), used))

EXPORTED uint32_t heaptag_area_owner(const char* tag_name, const void* site);
EXPORTED void heaptag_area_figures(uint32_t owner, const uint64_t figures[7]);
EXPORTED void heaptag_panic_(const char* message);

enum { OWNERS = 4 };

static struct {
  char name[64];
  const void* site;
  uint64_t figures[7];
} owners[OWNERS + 1];

static uint32_t owner_count;
static char panic_message[256];

uint32_t heaptag_area_owner(const char* tag_name, const void* site) {
  CHECK(owner_count < OWNERS);
  ++owner_count;
  snprintf(owners[owner_count].name, sizeof owners[0].name, "%s", tag_name);
  owners[owner_count].site = site;
  return owner_count;
}

void heaptag_area_figures(uint32_t owner, const uint64_t figures[7]) {
  CHECK(owner >= 1 && owner <= owner_count);
  for (int i = 0; i < 7; ++i) {
    CHECK(figures[i] >= owners[owner].figures[i]);
    owners[owner].figures[i] = figures[i];
  }
}

void heaptag_panic_(const char* message) {
  snprintf(panic_message, sizeof panic_message, "%s", message);
}

static void expect_same(uint32_t owner, const void* pool) {
  const area_malloc_figures figures = figures_of(pool);
  const uint64_t expected[7] = {
      figures.allocations,      figures.frees,        figures.allocated_bytes, figures.freed_bytes,
      figures.allocated_usable, figures.freed_usable, figures.failed};
  CHECK(memcmp(expected, owners[owner].figures, sizeof expected) == 0);
}

__attribute__((noinline)) static const void* make_pool(area_malloc_module_info* areas) {
  const void* pool = new_pool(areas, POOL_BYTES);
  __asm__ volatile("");
  return pool;
}

static int is_near(const void* site, const void* function) {
  return (uintptr_t)site - (uintptr_t)function < 4096;
}

int main(void) {
  area_malloc_module_info* areas = get_areas();
  const void* pool = make_pool(areas);
  const void* named =
      area_malloc_create_pool("frames", B_ANY_ADDRESS, POOL_BYTES, B_NO_LOCK, B_READ_AREA);
  CHECK(owner_count == 2);
  CHECK(strcmp(owners[1].name, "pool area_malloc 1") == 0);
  CHECK(strcmp(owners[2].name, "pool frames") == 0);
  CHECK(is_near(owners[1].site, (const void*)make_pool));
  CHECK(is_near(owners[2].site, (const void*)main));

  void* block = areas->malloc(pool, 100);
  expect_same(1, pool);
  block = areas->realloc(pool, block, 200);
  expect_same(1, pool);
  CHECK(areas->calloc(pool, 10, 30) != NULL);
  CHECK(areas->malloc(pool, POOL_BYTES) == NULL);
  expect_same(1, pool);
  areas->free(pool, block);
  expect_same(1, pool);
  CHECK(owners[1].figures[0] == 3 && owners[1].figures[1] == 2 && owners[1].figures[6] == 1);
  CHECK(areas->malloc(named, 10) != NULL);
  expect_same(2, named);

  /* Another process allocates: seen with the next call of this one. */
  const pid_t child = fork();
  if (child == 0) {
    CHECK(areas->malloc(pool, 1000) != NULL);
    _exit(0);
  }
  expect_success(child);
  CHECK(owners[1].figures[0] == 3);
  areas->free(pool, areas->malloc(pool, 1));
  CHECK(owners[1].figures[0] == 5);
  expect_same(1, pool);

  /* With the pool goes all that is in it. */
  CHECK(areas->delete_pool(pool) == B_OK);
  CHECK(owners[1].figures[0] == 5 && owners[1].figures[1] == 5);
  CHECK(owners[1].figures[2] == owners[1].figures[3]);
  CHECK(owners[1].figures[4] == owners[1].figures[5]);
  CHECK(put_module(B_AREA_MALLOC_MODULE_NAME) == B_OK);
  CHECK(owners[2].figures[0] == 1 && owners[2].figures[1] == 1);

  if (getenv("HEAPTAG_CHECK") != NULL) {
    areas = get_areas();
    areas->free(new_pool(areas, POOL_BYTES), owners);
    CHECK(strstr(panic_message, "lies in no pool; it was passed to pool area_malloc 3") != NULL);
  }
  return 0;
}
