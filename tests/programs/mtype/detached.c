/* A detached malloc_type whose name another one has taken on, with its number and figures: it is
 * not the other one. With "alone" nobody has taken it on: the rules are the same. */
#include <heaptag/mtype.h>
#include <stdint.h>

#include "../old_systems/cases.h"

MALLOC_JUSTDEFINE(M_FORMER, "same name", "the one that is detached");
MALLOC_JUSTDEFINE_LIMIT(M_LATTER, "same name", "the one that takes it on", 5000);

static char *of_former, *of_latter;

static struct heaptag_mtype_stats stats(void) {
  struct heaptag_mtype_stats now;
  CHECK(heaptag_mtype_get_stats(M_FORMER->ks_type, &now) == 0);
  return now;
}

static void allocate_for_former(void) {
  MALLOC(of_former, char*, 10, M_FORMER, M_WAITOK);
}

static void allocate_for_latter(void) {
  MALLOC(of_latter, char*, 20, M_LATTER, M_WAITOK);
}

static void free_for_former(void) {
  FREE(of_former, M_FORMER);
}

static void detach_former(void) {
  malloc_type_detach(M_FORMER);
}

static void expect_panic(void (*call)(void), const char* wanted) {
  const char* message = panic_of(call);
  CHECK(message != NULL);
  CHECK(strcmp(message, wanted) == 0);
}

static void name_taken_on(void) {
  const int is_alone = strcmp(argument, "alone") == 0;
  malloc_type_attach(M_FORMER);
  allocate_for_former();
  CHECK(of_former != NULL);
  malloc_type_detach(M_FORMER);
  if (!is_alone) {
    malloc_type_attach(M_LATTER);
    CHECK(panic_of(allocate_for_latter) == NULL);
    CHECK(of_latter != NULL);
    CHECK_EQUAL(M_LATTER->ks_type, M_FORMER->ks_type);
  }
  char* block = of_former;
  expect_panic(allocate_for_former, "malloc - bogus type 'same name'");
  CHECK(of_former == block);
  expect_panic(detach_former, "malloc_type_detach: 'same name' is not on the list");
  malloc_type_setlimit(M_FORMER, 1);
  CHECK_EQUAL(stats().limit, is_alone ? 0 : 5000);
  CHECK(panic_of(free_for_former) == NULL);
  CHECK_EQUAL(stats().inuse, is_alone ? 0 : 1);
  if (!is_alone) {
    FREE(of_latter, M_LATTER);
    malloc_type_detach(M_LATTER);
  }
}

static const struct test_case cases[] = {{"name_taken_on", name_taken_on}};

MAIN(cases)
