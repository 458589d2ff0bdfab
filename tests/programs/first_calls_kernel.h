// The same for what old kernels had: a tag comes first where there has to be one.
#include <heaptag/mtype.h>
#include <heaptag/osmalloc.h>
#include <heaptag/panic.h>

#pragma weak heaptag_set_panic_hook
#pragma weak heaptag_panic_message
#pragma weak heaptag_osmalloc_get_stats
#pragma weak heaptag_osmalloc_next_tag
#pragma weak heaptag_mtype_setlimit
#pragma weak heaptag_mtype_malloc
#pragma weak heaptag_mtype_free
#pragma weak heaptag_mtype_get_stats
#pragma weak heaptag_bucket_get_stats
#pragma weak heaptag_malloc_type_number
#pragma weak heaptag_malloc_type_retire
WEAK OSMallocTag heaptag_OSMalloc_Tagalloc(const char*, uint32_t);
WEAK void heaptag_OSMalloc_Tagfree(OSMallocTag);
WEAK void* heaptag_OSMalloc(uint32_t, OSMallocTag);
WEAK void* heaptag_OSMalloc_noblock(uint32_t, OSMallocTag);
WEAK void* heaptag_OSMalloc_nowait(uint32_t, OSMallocTag);
WEAK void heaptag_OSFree(void*, uint32_t, OSMallocTag);
WEAK uint32_t heaptag_OSMalloc_size(void*);
WEAK int heaptag_malloc_type_register(const char*, unsigned long);
WEAK void heaptag_malloc_type_attach(struct malloc_type*);
WEAK void heaptag_malloc_type_detach(struct malloc_type*);
WEAK void heaptag_malloc_type_setlimit(struct malloc_type*, unsigned long);
WEAK void heaptag_osf_intr_enter(void);
WEAK void heaptag_osf_intr_leave(void);
WEAK int heaptag_osf_in_intr(void);
WEAK unsigned long heaptag_osf_kmem_verify(void);
WEAK void heaptag_panic_(const char*);
WEAK uint32_t heaptag_area_owner(const char*, const void*);
WEAK void heaptag_area_figures(uint32_t, const uint64_t*);

static struct malloc_type first_type[1] = {{M_MAGIC, "first", "", 0, 0}};
static struct heaptag_mtype_stats first_stats;
static struct heaptag_bucket_stats first_bucket;

static inline OSMallocTag first_tag(void) {
  return heaptag_OSMalloc_Tagalloc("first", OSMT_DEFAULT);
}

static inline int first_os_free(void) {
  OSMallocTag tag = first_tag();
  void* block = heaptag_OSMalloc(100, tag);
  const int is_good = heaptag_OSMalloc_size(block) >= 100;
  heaptag_OSFree(block, 100, tag);
  heaptag_OSMalloc_Tagfree(tag);
  return is_good;
}

static inline int first_type_calls(void) {
  heaptag_malloc_type_attach(first_type);
  heaptag_malloc_type_setlimit(first_type, 1000);
  heaptag_mtype_free(heaptag_mtype_malloc(50, first_type->ks_type, M_WAITOK), first_type->ks_type);
  heaptag_malloc_type_detach(first_type);
  return 1;
}

static inline int first_interrupt(void) {
  heaptag_osf_intr_enter();
  const int is_in = heaptag_osf_in_intr();
  heaptag_osf_intr_leave();
  return is_in && !heaptag_osf_in_intr();
}

static inline int first_figures(void) {
  const uint64_t figures[7] = {1, 0, 100, 0, 112, 0, 0};
  const uint32_t owner = heaptag_area_owner("first", (const void*)first_type);
  heaptag_area_figures(owner, figures);
  return owner != 0;
}

// heaptag_panic_ ends the process: another one makes that call.
#define FIRST_KERNEL_CALLS(CALL)                                                                  \
  CALL(heaptag_set_panic_hook, heaptag_set_panic_hook(NULL) == NULL)                              \
  CALL(heaptag_panic_message, heaptag_panic_message() == NULL)                                    \
  CALL(heaptag_panic_, heaptag_panic_ != NULL)                                                    \
  CALL(heaptag_OSMalloc_Tagalloc, first_tag() != NULL)                                            \
  CALL(heaptag_OSMalloc_Tagfree, (heaptag_OSMalloc_Tagfree(first_tag()), 1))                      \
  CALL(heaptag_OSMalloc, heaptag_OSMalloc(100, first_tag()) != NULL)                              \
  CALL(heaptag_OSMalloc_noblock, heaptag_OSMalloc_noblock(100, first_tag()) != NULL)              \
  CALL(heaptag_OSMalloc_nowait, heaptag_OSMalloc_nowait(100, first_tag()) != NULL)                \
  CALL(heaptag_OSFree, first_os_free())                                                           \
  CALL(heaptag_OSMalloc_size, first_os_free())                                                    \
  CALL(heaptag_osmalloc_get_stats, heaptag_osmalloc_get_stats(NULL, NULL) == -1)                  \
  CALL(heaptag_osmalloc_next_tag, (heaptag_osmalloc_next_tag(NULL), 1))                           \
  CALL(heaptag_malloc_type_register, heaptag_malloc_type_register("first", 0) > M_TEMP)           \
  CALL(heaptag_mtype_setlimit, heaptag_mtype_setlimit(M_DEVBUF, 0) == 0)                          \
  CALL(heaptag_mtype_malloc, heaptag_mtype_malloc(100, M_DEVBUF, M_NOWAIT) != NULL)               \
  CALL(heaptag_mtype_free, (heaptag_mtype_free(NULL, M_DEVBUF), 1))                               \
  CALL(heaptag_osf_intr_enter, first_interrupt())                                                 \
  CALL(heaptag_osf_intr_leave, first_interrupt())                                                 \
  CALL(heaptag_osf_in_intr, heaptag_osf_in_intr() == 0)                                           \
  CALL(heaptag_osf_kmem_verify, heaptag_osf_kmem_verify() == 0)                                   \
  CALL(heaptag_malloc_type_attach, first_type_calls())                                            \
  CALL(heaptag_malloc_type_detach, first_type_calls())                                            \
  CALL(heaptag_malloc_type_setlimit, (heaptag_malloc_type_setlimit(first_type, 5), 1))            \
  CALL(heaptag_malloc_type_number, heaptag_malloc_type_number(first_type) == first_type->ks_type) \
  CALL(heaptag_malloc_type_retire, (heaptag_malloc_type_retire(5), 1))                            \
  CALL(heaptag_mtype_get_stats, heaptag_mtype_get_stats(M_TEMP, &first_stats) == 0)               \
  CALL(heaptag_bucket_get_stats, heaptag_bucket_get_stats(0, &first_bucket) == 0)                 \
  CALL(heaptag_area_owner, first_figures())                                                       \
  CALL(heaptag_area_figures, first_figures())
