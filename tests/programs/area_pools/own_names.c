/* A program that has functions of these names itself: linked with the library, and none of them is
 * touched by it. */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

static int calls;

#define OWN(name)   \
  int name(void);   \
  int name(void) {  \
    return ++calls; \
  }

OWN(get_module)
OWN(put_module)
OWN(create_pool)
OWN(delete_pool)
OWN(area_malloc_attach)
OWN(area_malloc_create_pool)
OWN(create_area)
OWN(find_area)

/* The library's, by the names that it exports. */
int heaptag_get_module(const char* path, void** info);
int heaptag_put_module(const char* path);

struct module {
  const char* name;
  unsigned flags;
  int (*std_ops)(int, ...);
  const void* (*create_pool)(unsigned, size_t, unsigned, unsigned);
};

int main(void) {
  void* found = NULL;
  if (heaptag_get_module("generic/area_malloc/v1", &found) != 0 ||
      ((struct module*)found)->create_pool(0, 8192, 0, 3) == NULL ||
      heaptag_put_module("generic/area_malloc/v1") != 0) {
    return 1;
  }
  const int sum = get_module() + put_module() + create_pool() + delete_pool() +
                  area_malloc_attach() + area_malloc_create_pool() + create_area() + find_area();
  return calls == 8 && sum == 36 ? 0 : 2;
}
