/* area_malloc in one process: the document sentence by sentence, and cases M1 to M8, M11, M12. */
#define _GNU_SOURCE
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "pools.h"

static status_t (*real_operations)(int32, ...);
static int inits, uninits;

static status_t counting_operations(int32 operation, ...) {
  inits += operation == B_MODULE_INIT;
  uninits += operation == B_MODULE_UNINIT;
  return real_operations(operation);
}

/* M1 */
static void module_is_counted(void) {
  area_malloc_module_info* areas = get_areas();
  real_operations = areas->module.std_ops;
  CHECK(real_operations(77) == B_ERROR);
  areas->module.std_ops = counting_operations;
  CHECK(put_module(B_AREA_MALLOC_MODULE_NAME) == B_OK);
  CHECK(inits == 0 && uninits == 1);
  CHECK(get_areas() == areas && get_areas() == areas && get_areas() == areas);
  CHECK(inits == 1 && uninits == 1);
  CHECK(put_module(B_AREA_MALLOC_MODULE_NAME) == B_OK);
  CHECK(put_module(B_AREA_MALLOC_MODULE_NAME) == B_OK);
  CHECK(inits == 1 && uninits == 1);
  CHECK(put_module(B_AREA_MALLOC_MODULE_NAME) == B_OK);
  CHECK(inits == 1 && uninits == 2);
  CHECK(put_module(B_AREA_MALLOC_MODULE_NAME) == B_BAD_VALUE);
  module_info* found = NULL;
  CHECK(get_module(NULL, &found) == B_BAD_VALUE);
  CHECK(get_module(B_AREA_MALLOC_MODULE_NAME, NULL) == B_BAD_VALUE);
  CHECK(get_module("generic/area_malloc/v2", &found) == B_ENTRY_NOT_FOUND);
  CHECK(put_module(NULL) == B_BAD_VALUE);
  CHECK(put_module("generic/area_malloc/v2") == B_BAD_VALUE);
  CHECK(found == NULL && inits == 1 && uninits == 2);
}

static status_t failing_operations(int32 operation, ...) {
  return operation == B_MODULE_INIT ? B_NO_MEMORY : B_OK;
}

static void module_that_does_not_start_is_not_got(void) {
  area_malloc_module_info* areas = get_areas();
  real_operations = areas->module.std_ops;
  CHECK(put_module(B_AREA_MALLOC_MODULE_NAME) == B_OK);
  areas->module.std_ops = failing_operations;
  module_info* found = NULL;
  CHECK(get_module(B_AREA_MALLOC_MODULE_NAME, &found) == B_NO_MEMORY && found == NULL);
  CHECK(put_module(B_AREA_MALLOC_MODULE_NAME) == B_BAD_VALUE);
  areas->module.std_ops = real_operations;
  CHECK(get_areas() == areas);
}

/* The order of the document, and of the header that it names. */
static void table_has_their_order(void) {
  CHECK(offsetof(area_malloc_module_info, module) == 0);
  CHECK(offsetof(module_info, flags) == 8 && offsetof(module_info, std_ops) == 16);
  CHECK(offsetof(area_malloc_module_info, create_pool) == 24);
  CHECK(offsetof(area_malloc_module_info, delete_pool) == 32);
  CHECK(offsetof(area_malloc_module_info, malloc) == 40);
  CHECK(offsetof(area_malloc_module_info, calloc) == 48);
  CHECK(offsetof(area_malloc_module_info, realloc) == 56);
  CHECK(offsetof(area_malloc_module_info, free) == 64);
  CHECK(sizeof(area_malloc_module_info) == 72);
}

static int is_mapped(const void* address) {
  unsigned char resident;
  return mincore((void*)((uintptr_t)address & ~(uintptr_t)4095), 1, &resident) == 0;
}

/* M2: "When the last user of the module puts it away, any remaining pools are deleted." */
static void last_user_deletes_all_pools(void) {
  area_malloc_module_info* areas = get_areas();
  get_areas();
  const void* pools[3];
  void* blocks[3];
  area_id ids[3];
  for (int i = 0; i < 3; ++i) {
    pools[i] = new_pool(areas, POOL_BYTES);
    blocks[i] = areas->malloc(pools[i], 100);
    ids[i] = area_malloc_pool_area(pools[i]);
  }
  CHECK(find_area("area_malloc 2") == ids[1]);
  CHECK(put_module(B_AREA_MALLOC_MODULE_NAME) == B_OK);
  CHECK(areas->malloc(pools[2], 100) != NULL);
  CHECK(put_module(B_AREA_MALLOC_MODULE_NAME) == B_OK);
  for (int i = 0; i < 3; ++i) {
    area_info info;
    CHECK(get_area_info(ids[i], &info) == B_BAD_VALUE);
    CHECK(!is_mapped(blocks[i]));
    CHECK(areas->malloc(pools[i], 100) == NULL);
    CHECK(areas->delete_pool(pools[i]) == B_ERROR);
  }
  int32 cookie = 0;
  area_info info;
  CHECK(get_next_area_info(0, &cookie, &info) == B_BAD_VALUE);
  CHECK(find_area("area_malloc 2") == B_NAME_NOT_FOUND);
  CHECK(areas->create_pool(B_ANY_ADDRESS, POOL_BYTES, B_NO_LOCK, READ_WRITE) == NULL);
  CHECK(get_areas() == areas);
  CHECK(areas->malloc(pools[0], 100) == NULL);
  CHECK(areas->malloc(new_pool(areas, POOL_BYTES), 100) != NULL);
}

/* M3 */
static void impossible_pools(void) {
  area_malloc_module_info* areas = get_areas();
  CHECK(!areas->create_pool(B_EXACT_ADDRESS, POOL_BYTES, B_NO_LOCK, READ_WRITE));
  CHECK(!areas->create_pool(B_CLONE_ADDRESS, POOL_BYTES, B_NO_LOCK, READ_WRITE));
  CHECK(!areas->create_pool(99, POOL_BYTES, B_NO_LOCK, READ_WRITE));
  CHECK(!areas->create_pool(B_ANY_ADDRESS, 0, B_NO_LOCK, READ_WRITE));
  CHECK(!areas->create_pool(B_ANY_ADDRESS, 1, B_NO_LOCK, READ_WRITE));
  CHECK(!areas->create_pool(B_ANY_ADDRESS, 4095, B_NO_LOCK, READ_WRITE));
  CHECK(!areas->create_pool(B_ANY_ADDRESS, 4097, B_NO_LOCK, READ_WRITE));
  CHECK(!areas->create_pool(B_ANY_ADDRESS, ~(size_t)4095, B_NO_LOCK, READ_WRITE));
  CHECK(!areas->create_pool(B_ANY_ADDRESS, POOL_BYTES, 99, READ_WRITE));
  CHECK(!areas->create_pool(B_ANY_ADDRESS, POOL_BYTES, B_LOMEM, READ_WRITE));
  CHECK(!areas->create_pool(B_ANY_ADDRESS, POOL_BYTES, B_NO_LOCK, 0x1000));
  int32 cookie = 0;
  area_info info;
  CHECK(get_next_area_info(0, &cookie, &info) == B_BAD_VALUE);
  CHECK(areas->create_pool(B_BASE_ADDRESS, POOL_BYTES, B_NO_LOCK, READ_WRITE));
  CHECK(areas->create_pool(B_ANY_ADDRESS, B_PAGE_SIZE, B_NO_LOCK, READ_WRITE));
  CHECK(areas->create_pool(B_ANY_KERNEL_ADDRESS, POOL_BYTES, B_NO_LOCK, READ_WRITE));
  CHECK(put_module(B_AREA_MALLOC_MODULE_NAME) == B_OK);
}

/* M4: "If there's not enough memory to allocate the requested block, these return NULL." */
static void full_pool_and_empty_again(void) {
  area_malloc_module_info* areas = get_areas();
  const void* pool = new_pool(areas, POOL_BYTES);
  static void* blocks[POOL_BYTES / 16];
  for (unsigned seed = 0; seed < 20; ++seed) {
    srand(seed);
    int count = 0;
    while ((blocks[count] = areas->malloc(pool, (size_t)rand() % 3000)) != NULL) {
      ++count;
    }
    const area_malloc_figures full = figures_of(pool);
    CHECK(full.failed == seed + 1 && full.largest_free < 3000);
    CHECK(!areas->calloc(pool, 1, 3000) && !areas->realloc(pool, NULL, 3000) &&
          !areas->realloc(pool, blocks[0], POOL_BYTES));
    for (int left = count; left > 0; --left) {
      const int any = rand() % left;
      areas->free(pool, blocks[any]);
      blocks[any] = blocks[left - 1];
    }
    CHECK(figures_of(pool).allocated_bytes == figures_of(pool).freed_bytes);
    CHECK(figures_of(pool).largest_free == LARGEST_OF(POOL_BYTES));
    void* all = areas->malloc(pool, LARGEST_OF(POOL_BYTES));
    CHECK(all != NULL);
    areas->free(pool, all);
    CHECK(area_malloc_check(pool) == B_OK);
    CHECK(areas->delete_pool(pool) == B_OK);
    pool = new_pool(areas, POOL_BYTES);
    /* failed starts anew */
    for (unsigned i = 0; i <= seed; ++i) {
      CHECK(!areas->malloc(pool, POOL_BYTES));
    }
  }
}

/* M5 */
static void calloc_is_zero(void) {
  area_malloc_module_info* areas = get_areas();
  const void* pool = new_pool(areas, POOL_BYTES);
  void* dirty = areas->malloc(pool, LARGEST_OF(POOL_BYTES));
  memset(dirty, 0xee, LARGEST_OF(POOL_BYTES));
  areas->free(pool, dirty);
  for (size_t count = 1; count < 300; count += 13) {
    void* clean = areas->calloc(pool, count, 7);
    CHECK(clean != NULL && are_all(clean, 0, count * 7));
  }
  CHECK(areas->calloc(pool, 0, 7) != NULL && areas->calloc(pool, 7, 0) != NULL);
  const area_malloc_figures before = figures_of(pool);
  CHECK(areas->calloc(pool, SIZE_MAX / 2, 3) == NULL);
  CHECK(areas->calloc(pool, (size_t)1 << 32, (size_t)1 << 32) == NULL);
  CHECK(areas->calloc(pool, 1, SIZE_MAX) == NULL);
  CHECK(figures_of(pool).failed == before.failed + 3);
  CHECK(figures_of(pool).allocations == before.allocations);
}

/* M6: "Resizing a block can require that the memory be relocated." */
static void realloc_keeps_what_is_there(void) {
  area_malloc_module_info* areas = get_areas();
  const void* pool = new_pool(areas, POOL_BYTES);
  char* block = areas->realloc(pool, NULL, 100);
  memset(block, 1, 100);
  CHECK(areas->realloc(pool, block, 50) == block);
  CHECK(areas->realloc(pool, block, 5000) == block && are_all(block, 1, 50));
  memset(block, 2, 5000);
  char* wall = areas->malloc(pool, 10);
  char* moved = areas->realloc(pool, block, 20000);
  CHECK(moved != NULL && moved != block && are_all(moved, 2, 5000));
  CHECK(areas->realloc(pool, moved, POOL_BYTES) == NULL && are_all(moved, 2, 5000));
  CHECK(areas->realloc(pool, moved, SIZE_MAX) == NULL && are_all(moved, 2, 5000));
  CHECK(area_malloc_usable_size(pool, moved) >= 20000);
  CHECK(areas->realloc(pool, moved, 0) == NULL);
  CHECK(area_malloc_usable_size(pool, moved) == 0);
  CHECK(areas->free(pool, wall) == NULL);
  const area_malloc_figures figures = figures_of(pool);
  CHECK(figures.allocations == 5 && figures.frees == 5 && figures.failed == 2);
  CHECK(figures.allocated_bytes == 100 + 50 + 5000 + 10 + 20000);
  CHECK(figures.peak_bytes == 5000 + 10 + 20000);
}

/* M7: "Each of these operations functions in the pool specified by poolID." */
static void pools_are_apart(void) {
  area_malloc_module_info* areas = get_areas();
  const void* pools[2] = {new_pool(areas, POOL_BYTES), new_pool(areas, POOL_BYTES)};
  CHECK(pools[0] != pools[1]);
  for (int i = 0; i < 200; ++i) {
    char* block = areas->malloc(pools[i % 2], 64);
    CHECK(block != NULL && (uintptr_t)block % 16 == 0);
    CHECK(area_for(block) == area_malloc_pool_area(pools[i % 2]));
    CHECK(area_for(block + 63) == area_malloc_pool_area(pools[i % 2]));
    memset(block, 0xff, 64);
  }
  CHECK(figures_of(pools[0]).allocations == 100 && figures_of(pools[1]).allocations == 100);
  CHECK(areas->delete_pool(pools[0]) == B_OK);
  CHECK(figures_of(pools[1]).allocations == 100 && area_malloc_check(pools[1]) == B_OK);
  CHECK(areas->malloc(pools[1], 0) != areas->malloc(pools[1], 0));
}

/* M8, and pools that are none everywhere else */
static void pools_that_are_none(void) {
  area_malloc_module_info* areas = get_areas();
  const void* pool = new_pool(areas, POOL_BYTES);
  void* block = areas->malloc(pool, 10);
  const area_id area = area_malloc_pool_area(pool);
  CHECK(areas->delete_pool(pool) == B_OK);
  CHECK(!is_mapped(block));
  CHECK(areas->delete_pool(pool) == B_ERROR);
  const void* next = new_pool(areas, POOL_BYTES);
  const void* none[] = {NULL,           pool,
                        &area,          (void*)-1,
                        (void*)1,       (void*)((uintptr_t)1 << 63),
                        block,          (char*)next + 1,
                        (char*)next - 1};
  for (size_t i = 0; i < sizeof none / sizeof *none; ++i) {
    area_malloc_figures figures;
    CHECK(areas->delete_pool(none[i]) == B_ERROR);
    CHECK(areas->malloc(none[i], 1) == NULL && areas->calloc(none[i], 1, 1) == NULL);
    CHECK(areas->realloc(none[i], NULL, 1) == NULL && areas->free(none[i], NULL) == NULL);
    CHECK(areas->realloc(none[i], block, 1) == NULL && areas->free(none[i], block) == NULL);
    CHECK(area_malloc_pool_area(none[i]) == B_ERROR && area_malloc_check(none[i]) == B_ERROR);
    CHECK(area_malloc_offset(none[i], block) == AREA_MALLOC_NOWHERE);
    CHECK(area_malloc_pointer(none[i], 0) == NULL && !area_malloc_usable_size(none[i], block));
    CHECK(area_malloc_resize_pool(none[i], POOL_BYTES) == B_ERROR);
    CHECK(area_malloc_get_figures(none[i], &figures) == B_ERROR);
  }
  CHECK(area_malloc_get_figures(next, NULL) == B_BAD_VALUE);
  CHECK(areas->malloc(next, 1) != NULL);
}

static size_t resident_pages(const void* begin, size_t bytes) {
  unsigned char resident[POOL_BYTES / 4096];
  size_t count = 0;
  CHECK(mincore((void*)begin, bytes, resident) == 0);
  for (size_t i = 0; i < bytes / 4096; ++i) {
    count += resident[i] & 1;
  }
  return count;
}

/* M11: "The parameters are the same as those used by create_area()." */
static void every_lock(void) {
  area_malloc_module_info* areas = get_areas();
  for (uint32 lock = B_NO_LOCK; lock <= B_FULL_LOCK; ++lock) {
    const void* pool = areas->create_pool(B_ANY_ADDRESS, POOL_BYTES, lock, READ_WRITE);
    CHECK(pool != NULL);
    area_info info;
    CHECK(get_area_info(area_malloc_pool_area(pool), &info) == B_OK);
    CHECK(info.lock == lock && info.size == POOL_BYTES && info.protection == READ_WRITE);
    const size_t resident = resident_pages(info.address, POOL_BYTES);
    CHECK(lock == B_FULL_LOCK ? resident == POOL_BYTES / 4096 : resident < 4);
    CHECK(areas->malloc(pool, 1000) != NULL);
  }
  const void* small = areas->create_pool(B_ANY_ADDRESS, B_PAGE_SIZE, B_CONTIGUOUS, READ_WRITE);
  CHECK(small != NULL && areas->malloc(small, LARGEST_OF(B_PAGE_SIZE)) != NULL);
  CHECK(!areas->create_pool(B_ANY_ADDRESS, POOL_BYTES, B_LOMEM, READ_WRITE));
}

static sigjmp_buf after_fault;

static void on_fault(int number) {
  siglongjmp(after_fault, number);
}

static int write_faults(volatile char* at) {
  struct sigaction action = {.sa_handler = on_fault};
  sigaction(SIGSEGV, &action, NULL);
  if (sigsetjmp(after_fault, 1) != 0) {
    return 1;
  }
  *at = 1;
  return 0;
}

static int read_faults(volatile char* at) {
  struct sigaction action = {.sa_handler = on_fault};
  sigaction(SIGSEGV, &action, NULL);
  if (sigsetjmp(after_fault, 1) != 0) {
    return 1;
  }
  (void)*at;
  return 0;
}

/* M12 */
static void pools_that_may_not_be_written(void) {
  area_malloc_module_info* areas = get_areas();
  const void* pool = areas->create_pool(B_ANY_ADDRESS, POOL_BYTES, B_NO_LOCK, B_READ_AREA);
  char* block = areas->calloc(pool, 1, 100);
  CHECK(block != NULL && are_all(block, 0, 100) && write_faults(block));
  void* at;
  const area_id clone =
      clone_area("writer", &at, B_ANY_ADDRESS, READ_WRITE, area_malloc_pool_area(pool));
  CHECK(clone > 0);
  memset((char*)at + area_malloc_offset(pool, block), 5, 100);
  CHECK(are_all(block, 5, 100));
  char* wall = areas->malloc(pool, 1);
  block = areas->realloc(pool, block, 5000);
  CHECK(are_all(block, 5, 100) && write_faults(block));
  areas->free(pool, block);
  areas->free(pool, wall);
  CHECK(figures_of(pool).frees == 3 && figures_of(pool).largest_free == LARGEST_OF(POOL_BYTES));

  const void* hidden = areas->create_pool(B_ANY_ADDRESS, POOL_BYTES, B_NO_LOCK, 0);
  block = areas->calloc(hidden, 1, 100);
  CHECK(block != NULL && read_faults(block));
  areas->free(hidden, block);
  CHECK(area_malloc_check(hidden) == B_OK);

  /* And one that loses its rights later. */
  const void* open = new_pool(areas, POOL_BYTES);
  block = areas->malloc(open, 100);
  CHECK(!write_faults(block));
  CHECK(set_area_protection(area_malloc_pool_area(open), B_READ_AREA) == B_OK);
  CHECK(write_faults(block) && areas->malloc(open, 10) != NULL);
  areas->free(open, block);
  CHECK(area_malloc_check(open) == B_OK && figures_of(open).frees == 1);
}

/* Mistakes where nothing ends the program: nothing happens but that they are counted. */
static void mistakes_are_counted(void) {
  area_malloc_module_info* areas = get_areas();
  const void* pool = new_pool(areas, POOL_BYTES);
  const void* other = new_pool(areas, POOL_BYTES);
  char* block = areas->malloc(pool, 100);
  char* freed = areas->malloc(pool, 100);
  char local[64];
  areas->free(pool, freed);
  CHECK(areas->free(pool, NULL) == NULL);
  CHECK(figures_of(pool).refused == 0);
  areas->free(other, block);
  areas->free(pool, freed);
  areas->free(pool, block + 16);
  areas->free(pool, block + 1);
  areas->free(pool, local);
  areas->free(pool, (void*)-16);
  CHECK(areas->realloc(pool, freed, 10) == NULL && areas->realloc(pool, local, 10) == NULL);
  CHECK(figures_of(pool).refused == 7 && figures_of(other).refused == 1);
  CHECK(figures_of(pool).frees == 1 && figures_of(other).frees == 0);
  CHECK(area_malloc_check(pool) == B_OK && area_malloc_check(other) == B_OK);
}

static void damaged_pool_hands_out_nothing(void) {
  area_malloc_module_info* areas = get_areas();
  const void* pool = new_pool(areas, POOL_BYTES);
  const area_id area = area_malloc_pool_area(pool);
  char* block = areas->malloc(pool, 100);
  char* other = areas->malloc(pool, 100);
  memset(block, 0xff, 128);
  CHECK(area_malloc_check(pool) == B_ERROR);
  areas->free(pool, block);
  CHECK(areas->malloc(pool, 10) == NULL && areas->free(pool, other) == NULL);
  CHECK(figures_of(pool).is_damaged && area_malloc_attach(area) == pool);
  CHECK(areas->delete_pool(pool) == B_OK);
  area_info info;
  CHECK(get_area_info(area, &info) == B_BAD_VALUE);
}

/* Ours: names, offsets, growing. */
static void beyond_the_document(void) {
  area_malloc_module_info* areas = get_areas();
  const void* pool =
      area_malloc_create_pool("frames", B_ANY_ADDRESS, POOL_BYTES, B_NO_LOCK, READ_WRITE);
  CHECK(pool != NULL && find_area("frames") == area_malloc_pool_area(pool));
  char* all = areas->malloc(pool, LARGEST_OF(POOL_BYTES));
  const size_t offset = area_malloc_offset(pool, all);
  CHECK(offset != 0 && area_malloc_pointer(pool, offset) == all);
  CHECK(area_malloc_pointer(pool, POOL_BYTES) == NULL);
  CHECK(area_malloc_offset(pool, &pool) == AREA_MALLOC_NOWHERE);
  CHECK(area_malloc_offset(pool, all - offset) == 0);
  CHECK(area_malloc_offset(pool, all - offset - 1) == AREA_MALLOC_NOWHERE);
  CHECK(area_malloc_resize_pool(pool, POOL_BYTES / 2) == B_BAD_VALUE);
  CHECK(area_malloc_resize_pool(pool, POOL_BYTES + 1) == B_BAD_VALUE);
  CHECK(area_malloc_resize_pool(pool, POOL_BYTES) == B_OK);
  CHECK(areas->malloc(pool, 10) == NULL);
  CHECK(area_malloc_resize_pool(pool, 2 * POOL_BYTES) == B_OK);
  CHECK(areas->realloc(pool, all, LARGEST_OF(2 * POOL_BYTES)) == all);
  memset(all, 1, LARGEST_OF(2 * POOL_BYTES));
  CHECK(resize_area(area_malloc_pool_area(pool), 3 * POOL_BYTES) == B_OK);
  CHECK(areas->malloc(pool, 10) == NULL);
  CHECK(area_malloc_resize_pool(pool, 3 * POOL_BYTES) == B_OK);
  CHECK(areas->malloc(pool, 10) != NULL && area_malloc_check(pool) == B_OK);
  CHECK(area_malloc_attach(area_malloc_pool_area(pool)) == pool);
  void* at;
  const area_id plain = create_area("plain", &at, B_ANY_ADDRESS, POOL_BYTES, B_NO_LOCK, READ_WRITE);
  CHECK(area_malloc_attach(plain) == NULL && area_malloc_attach(-5) == NULL);
  area_info info;
  CHECK(get_area_info(plain, &info) == B_OK);
}

static void errno_is_kept(void) {
  errno = 77;
  area_malloc_module_info* areas = get_areas();
  const void* pool = new_pool(areas, POOL_BYTES);
  CHECK(!areas->create_pool(B_ANY_ADDRESS, 7, B_NO_LOCK, READ_WRITE));
  areas->free(pool, areas->malloc(pool, 10));
  CHECK(!areas->malloc(pool, SIZE_MAX));
  CHECK(areas->delete_pool(pool) == B_OK && put_module(B_AREA_MALLOC_MODULE_NAME) == B_OK);
  CHECK(errno == 77);
}

/* As many as a process may have, and then one more. */
static void many_pools(void) {
  area_malloc_module_info* areas = get_areas();
  static const void* pools[4096];
  struct rlimit limit = {16384, 16384};
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0) {
    puts("skipped: descriptors are limited");
    return;
  }
  int count = 0;
  while (count < 4096 && (pools[count] = areas->create_pool(B_ANY_ADDRESS, B_PAGE_SIZE, B_NO_LOCK,
                                                            READ_WRITE)) != NULL) {
    ++count;
  }
  CHECK(count == 4096);
  CHECK(!areas->create_pool(B_ANY_ADDRESS, B_PAGE_SIZE, B_NO_LOCK, READ_WRITE));
  for (int i = 0; i < count; ++i) {
    CHECK(areas->malloc(pools[i], LARGEST_OF(B_PAGE_SIZE)) != NULL);
  }
  CHECK(areas->delete_pool(pools[77]) == B_OK);
  CHECK(areas->create_pool(B_ANY_ADDRESS, B_PAGE_SIZE, B_NO_LOCK, READ_WRITE));
  CHECK(areas->malloc(pools[77], 1) == NULL);
  CHECK(put_module(B_AREA_MALLOC_MODULE_NAME) == B_OK);
}

#define CASE(name) \
  { #name, name }

int main(int argc, char** argv) {
  static const struct pool_case cases[] = {CASE(module_is_counted),
                                           CASE(module_that_does_not_start_is_not_got),
                                           CASE(table_has_their_order),
                                           CASE(last_user_deletes_all_pools),
                                           CASE(impossible_pools),
                                           CASE(full_pool_and_empty_again),
                                           CASE(calloc_is_zero),
                                           CASE(realloc_keeps_what_is_there),
                                           CASE(pools_are_apart),
                                           CASE(pools_that_are_none),
                                           CASE(every_lock),
                                           CASE(pools_that_may_not_be_written),
                                           CASE(mistakes_are_counted),
                                           CASE(damaged_pool_hands_out_nothing),
                                           CASE(beyond_the_document),
                                           CASE(errno_is_kept),
                                           CASE(many_pools),
                                           {NULL, NULL}};
  return run_case(argc, argv, cases);
}
