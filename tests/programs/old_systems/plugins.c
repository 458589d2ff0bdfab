/* Loads and unloads a plugin with memory types (lib_types.so, its argument) more often than there
 * are numbers: its types keep theirs. */
#include <dlfcn.h>
#include <heaptag/mtype.h>

#include "cases.h"

static void types_of_plugins(void) {
  int at_first[2] = {0, 0};
  for (int i = 0; i < 600; i++) {
    void* plugin = dlopen(argument, RTLD_NOW);
    CHECK(plugin != NULL);
    int (*use_types)(int*);
    void* found = dlsym(plugin, "use_types");
    CHECK(found != NULL);
    memcpy(&use_types, &found, sizeof found);
    int numbers[2];
    CHECK(use_types(numbers) == 0);
    if (i == 0) {
      memcpy(at_first, numbers, sizeof numbers);
    }
    CHECK(memcmp(at_first, numbers, sizeof numbers) == 0);
    CHECK(dlclose(plugin) == 0);
  }
  struct heaptag_mtype_stats stats;
  CHECK(heaptag_mtype_get_stats(at_first[0], &stats) == 0);
  CHECK_EQUAL(stats.calls, 600);
  CHECK(strcmp(stats.name, "plugin") == 0);
}

static const struct test_case cases[] = {{"types", types_of_plugins}};

MAIN(cases)
