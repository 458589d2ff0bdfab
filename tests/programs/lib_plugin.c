// A library that is loaded and unloaded: allocates when it is loaded, when asked, and when it goes.
#include <stdlib.h>
#include <string.h>

static char* at_load;

static __thread char* per_thread;

__attribute__((constructor)) static void loaded(void) {
  at_load = malloc(1111);
  memset(at_load, 'l', 1111);
}

__attribute__((destructor)) static void unloaded(void) {
  free(at_load);
  free(malloc(50));
}

void* plugin_make(size_t size);
void plugin_free(void* p);

__attribute__((noinline)) void* plugin_make(size_t size) {
  free(per_thread);
  per_thread = malloc(10);
  char* p = malloc(size);
  p[0] = 'p';
  return p;
}

void plugin_free(void* p) {
  free(p);
}
