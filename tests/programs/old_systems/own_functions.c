/* A program with functions of its own that are called as those of the old systems. Under the
 * preload each call must reach its own. Prints "ok". */
#include <stdio.h>

#define OWN(name)                            \
  int name(void);                            \
  __attribute__((noinline)) int name(void) { \
    calls++;                                 \
    return (int)sizeof(#name);               \
  }                                          \
  static const int length_of_##name = (int)sizeof(#name);

static int calls, wrong;

OWN(OSMalloc_Tagalloc)
OWN(OSMalloc_Tagfree)
OWN(OSMalloc)
OWN(OSMalloc_noblock)
OWN(OSMalloc_nowait)
OWN(OSFree)
OWN(OSMalloc_size)
OWN(MALLOC)
OWN(FREE)
OWN(malloc_type_register)
OWN(malloc_type_attach)
OWN(malloc_type_detach)
OWN(malloc_type_setlimit)
OWN(osf_intr_enter)
OWN(osf_intr_leave)
OWN(osf_in_intr)
OWN(osf_kmem_verify)
OWN(panic)
OWN(create_area)
OWN(clone_area)
OWN(find_area)
OWN(area_for)
OWN(delete_area)
OWN(resize_area)
OWN(get_area_info)
OWN(get_next_area_info)
OWN(set_area_protection)
OWN(create_pool)
OWN(delete_pool)
OWN(get_module)
OWN(put_module)

#define CALL(name) wrong += name() != length_of_##name

int main(void) {
  CALL(OSMalloc_Tagalloc);
  CALL(OSMalloc_Tagfree);
  CALL(OSMalloc);
  CALL(OSMalloc_noblock);
  CALL(OSMalloc_nowait);
  CALL(OSFree);
  CALL(OSMalloc_size);
  CALL(MALLOC);
  CALL(FREE);
  CALL(malloc_type_register);
  CALL(malloc_type_attach);
  CALL(malloc_type_detach);
  CALL(malloc_type_setlimit);
  CALL(osf_intr_enter);
  CALL(osf_intr_leave);
  CALL(osf_in_intr);
  CALL(osf_kmem_verify);
  CALL(panic);
  CALL(create_area);
  CALL(clone_area);
  CALL(find_area);
  CALL(area_for);
  CALL(delete_area);
  CALL(resize_area);
  CALL(get_area_info);
  CALL(get_next_area_info);
  CALL(set_area_protection);
  CALL(create_pool);
  CALL(delete_pool);
  CALL(get_module);
  CALL(put_module);
  printf(calls == 31 && wrong == 0 ? "ok\n" : "calls %d, wrong %d\n", calls, wrong);
  return 0;
}
