/* Ends with a pool that holds something, and had another one that did. */
#include "pools.h"

int main(void) {
  area_malloc_module_info* areas = get_areas();
  const void* cache =
      area_malloc_create_pool("cache", B_ANY_ADDRESS, POOL_BYTES, B_NO_LOCK, READ_WRITE);
  const void* gone =
      area_malloc_create_pool("gone", B_ANY_ADDRESS, POOL_BYTES, B_NO_LOCK, READ_WRITE);
  void* blocks[10];
  for (int i = 0; i < 10; ++i) {
    blocks[i] = areas->malloc(cache, 100);
    CHECK(areas->calloc(gone, 2, 30) != NULL);
  }
  for (int i = 0; i < 4; ++i) {
    areas->free(cache, blocks[i]);
  }
  CHECK(areas->malloc(cache, POOL_BYTES) == NULL);
  CHECK(areas->delete_pool(gone) == B_OK);
  return 0;
}
