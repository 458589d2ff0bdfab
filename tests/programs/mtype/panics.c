/* Calls that MALLOC and FREE must not forgive, each with an innocent twin:
 *   panics CASE bad|good die     no hook: what HEAPTAG_PANIC says
 *   panics CASE bad|good catch   a hook that leaves by longjmp; prints "caught: MESSAGE"
 *   panics list
 * Afterwards what was in use must be as it was. */
#include <heaptag/mtype.h>
#include <heaptag/osmalloc.h>
#include <stdint.h>

#include "../old_systems/cases.h"

#define SIZE 100ul

MALLOC_DECLARE(M_ATTACHED);
MALLOC_DEFINE(M_ATTACHED, "attached", "by a constructor");
MALLOC_DECLARE(M_LATER);
MALLOC_JUSTDEFINE(M_LATER, "later", "attached by hand");
MALLOC_TYPE_DECLARE(M_NUMBER);
MALLOC_TYPE_DEFINE(M_NUMBER, "number", 0);

static struct malloc_type not_one[1];
static char* block;
static char* freed;
static char* result;
static int is_bad;

static char* either(void* bad, char* good) {
  return is_bad ? bad : good;
}

static void allocate_with(int type) {
  MALLOC(result, char*, SIZE, is_bad ? type : M_NUMBER, M_WAITOK);
}

static void type_minus_1(void) {
  allocate_with(-1);
}

static void type_m_free(void) {
  allocate_with(M_FREE);
}

static void type_last(void) {
  allocate_with(M_LAST);
}

static void type_unregistered(void) {
  allocate_with(M_LAST - 1);
}

static void type_huge(void) {
  allocate_with(0x7fffffff);
}

static void type_lowest(void) {
  allocate_with(-0x7fffffff - 1);
}

static void type_nowait(void) {
  MALLOC(result, char*, SIZE, is_bad ? M_LAST : M_NUMBER, M_NOWAIT);
}

static void type_unattached(void) {
  if (!is_bad) {
    malloc_type_attach(M_LATER);
  }
  MALLOC(result, char*, SIZE, M_LATER, M_WAITOK);
}

static void type_detached(void) {
  MALLOC(result, char*, SIZE, M_LATER, M_WAITOK);
}

static void attach_and_detach(void) {
  malloc_type_attach(M_LATER);
  if (is_bad) {
    malloc_type_detach(M_LATER);
  }
}

static void type_no_magic(void) {
  MALLOC(result, char*, SIZE, is_bad ? not_one : M_ATTACHED, M_WAITOK);
}

static void free_type_minus_1(void) {
  FREE(block, is_bad ? -1 : M_NUMBER);
}

static void free_type_last(void) {
  FREE(block, is_bad ? M_LAST : M_NUMBER);
}

static void unaligned_1(void) {
  FREE(either(block + 1, block), M_NUMBER);
}

static void unaligned_8(void) {
  FREE(either(block + 8, block), M_NUMBER);
}

static void interior_16(void) {
  FREE(either(block + 16, block), M_NUMBER);
}

static void free_one(void) {
  MALLOC(freed, char*, SIZE, M_NUMBER, M_WAITOK);
  FREE(freed, M_NUMBER);
}

static void freed_twice(void) {
  FREE(either(freed, block), M_NUMBER);
}

static void free_one_large(void) {
  MALLOC(freed, char*, 1000000, M_NUMBER, M_WAITOK);
  FREE(freed, M_NUMBER);
}

static void freed_twice_large(void) {
  FREE(either(freed, block), M_NUMBER);
}

static void of_malloc(void) {
  FREE(either(malloc(SIZE), block), M_NUMBER);
}

static void of_stack(void) {
  char local[SIZE] __attribute__((aligned(16)));
  memset(local, 1, sizeof local);
  FREE(either(local, block), M_NUMBER);
}

static void of_nobody(void) {
  FREE(either((void*)0x7000, block), M_NUMBER);
}

static void of_osmalloc(void) {
  OSMallocTag tag = OSMalloc_Tagalloc("foreign", OSMT_DEFAULT);
  FREE(either(OSMalloc(SIZE, tag), block), M_NUMBER);
}

// With HEAPTAG_KMEM_DEBUG=1 alone.
static void of_other_type(void) {
  FREE(block, is_bad ? M_TEMP : M_NUMBER);
}

static void leave_interrupt(void) {
  if (!is_bad) {
    osf_intr_enter();
  }
  osf_intr_leave();
}

static void n1_attach_twice(void) {
  malloc_type_attach(is_bad ? M_ATTACHED : M_LATER);
}

static void n1_attach_no_magic(void) {
  malloc_type_attach(is_bad ? not_one : M_LATER);
}

static void n1_attach_null(void) {
  malloc_type_attach(is_bad ? NULL : M_LATER);
}

static void n1_detach_unknown(void) {
  malloc_type_detach(is_bad ? M_LATER : M_ATTACHED);
}

static void n1_detach_no_magic(void) {
  malloc_type_detach(is_bad ? not_one : M_ATTACHED);
}

static void n1_detach_twice(void) {
  malloc_type_detach(M_LATER);
}

static void n1_setlimit_no_magic(void) {
  malloc_type_setlimit(is_bad ? not_one : M_ATTACHED, 1000);
}

#define CASE(prepare, call) \
  { #call, prepare, call }

static const struct {
  const char* name;
  void (*prepare)(void);
  void (*call)(void);
} cases[] = {
    CASE(NULL, type_minus_1),
    CASE(NULL, type_m_free),
    CASE(NULL, type_last),
    CASE(NULL, type_unregistered),
    CASE(NULL, type_huge),
    CASE(NULL, type_lowest),
    CASE(NULL, type_nowait),
    CASE(NULL, type_unattached),
    CASE(attach_and_detach, type_detached),
    CASE(NULL, type_no_magic),
    CASE(NULL, free_type_minus_1),
    CASE(NULL, free_type_last),
    CASE(NULL, unaligned_1),
    CASE(NULL, unaligned_8),
    CASE(NULL, interior_16),
    CASE(free_one, freed_twice),
    CASE(free_one_large, freed_twice_large),
    CASE(NULL, of_malloc),
    CASE(NULL, of_stack),
    CASE(NULL, of_nobody),
    CASE(NULL, of_osmalloc),
    CASE(NULL, of_other_type),
    CASE(NULL, leave_interrupt),
    CASE(NULL, n1_attach_twice),
    CASE(NULL, n1_attach_no_magic),
    CASE(NULL, n1_attach_null),
    CASE(NULL, n1_detach_unknown),
    CASE(NULL, n1_detach_no_magic),
    CASE(attach_and_detach, n1_detach_twice),
    CASE(NULL, n1_setlimit_no_magic),
};

static struct heaptag_mtype_stats before;

static void expect_unchanged(void) {
  struct heaptag_mtype_stats now;
  CHECK(heaptag_mtype_get_stats(M_NUMBER, &now) == 0);
  CHECK(memcmp(&now, &before, sizeof now) == 0);
  for (unsigned long i = 0; i < SIZE; i++) {
    CHECK(block[i] == 'b');
  }
  FREE(block, M_NUMBER);
  MALLOC(block, char*, SIZE, M_ATTACHED, M_NOWAIT);
  CHECK(block != NULL);
  FREE(block, M_ATTACHED);
}

int main(int argc, char** argv) {
  setvbuf(stdout, NULL, _IOLBF, 4096);
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    if (argc == 2 && strcmp(argv[1], "list") == 0) {
      puts(cases[i].name);
      continue;
    }
    if (argc < 4 || strcmp(argv[1], cases[i].name) != 0) {
      continue;
    }
    is_bad = strcmp(argv[2], "bad") == 0;
    MALLOC(block, char*, SIZE, M_NUMBER, M_WAITOK);
    memset(block, 'b', SIZE);
    if (cases[i].prepare != NULL) {
      cases[i].prepare();
    }
    printf("block %p\n", (void*)block);
    CHECK(heaptag_mtype_get_stats(M_NUMBER, &before) == 0);
    if (strcmp(argv[3], "catch") == 0) {
      const char* message = panic_of(cases[i].call);
      printf("caught: %s\n", message == NULL ? "nothing" : message);
    } else {
      cases[i].call();
    }
    if (is_bad) {
      CHECK(result == NULL);
      expect_unchanged();
    }
    puts("went on");
    return 0;
  }
  return argc == 2 ? 0 : 2;
}
