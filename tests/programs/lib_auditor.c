// An auditor of the loader (LD_AUDIT): it has a libc of its own, and allocates from that.
#define _GNU_SOURCE
#include <link.h>
#include <stdlib.h>
#include <string.h>

static void* kept;

unsigned la_version(unsigned version) {
  kept = malloc(100);
  return version < LAV_CURRENT ? version : LAV_CURRENT;
}

unsigned la_objopen(struct link_map* map, Lmid_t namespace, uintptr_t* cookie) {
  (void)namespace;
  free(kept);
  kept = malloc(strlen(map->l_name) + 1);
  *cookie = (uintptr_t)map;
  return LA_FLG_BINDTO | LA_FLG_BINDFROM;
}

uintptr_t la_symbind64(Elf64_Sym* symbol,
                       unsigned index,
                       uintptr_t* from,
                       uintptr_t* to,
                       unsigned* flags,
                       const char* name) {
  (void)index, (void)from, (void)to, (void)flags;
  free(kept);
  kept = malloc(strlen(name) + 1);
  return symbol->st_value;
}

unsigned la_objclose(uintptr_t* cookie) {
  (void)cookie;
  free(kept);
  kept = NULL;
  return 0;
}
