// A plugin with memory types of its own, of both kinds.
#include <heaptag/mtype.h>

MALLOC_DECLARE(M_PLUGIN);
MALLOC_DEFINE(M_PLUGIN, "plugin", "of a plugin");
MALLOC_TYPE_DECLARE(M_PLUGIN_NUMBER);
MALLOC_TYPE_DEFINE(M_PLUGIN_NUMBER, "plugin number", 0);

int use_types(int* numbers);

// 0 if both give a block.
int use_types(int* numbers) {
  char *first, *second;
  numbers[0] = heaptag_malloc_type_number(M_PLUGIN);
  numbers[1] = M_PLUGIN_NUMBER;
  MALLOC(first, char*, 10, M_PLUGIN, M_WAITOK);
  MALLOC(second, char*, 10, M_PLUGIN_NUMBER, M_WAITOK);
  const int failed = first == NULL || second == NULL;
  FREE(first, M_PLUGIN);
  FREE(second, M_PLUGIN_NUMBER);
  return failed;
}
