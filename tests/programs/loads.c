// Loads and unloads lib_plugin.so many times; its blocks live on without it.
// loads PATH ROUNDS: prints how many kept blocks are still good.
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char** argv) {
  if (argc != 3) {
    return 2;
  }
  char* kept[1000];
  const int rounds = atoi(argv[2]);
  for (int i = 0; i < rounds && i < 1000; i++) {
    void* library = dlopen(argv[1], i % 2 == 0 ? RTLD_NOW : RTLD_LAZY);
    if (library == NULL) {
      printf("%s\n", dlerror());
      return 3;
    }
    void* (*make)(size_t) = NULL;
    void (*release)(void*) = NULL;
    *(void**)&make = dlsym(library, "plugin_make");
    *(void**)&release = dlsym(library, "plugin_free");
    kept[i] = make(2222);
    release(make(77));
    if (dlsym(library, "no_such_symbol") != NULL || dlerror() == NULL) {
      return 4;
    }
    dlclose(library);
  }
  if (dlopen("/nonexistent/library.so", RTLD_NOW) != NULL) {
    return 5;
  }
  int good = 0;
  for (int i = 0; i < rounds && i < 1000; i++) {
    good += kept[i][0] == 'p';
    if (i % 2 == 0) {
      free(kept[i]);
    }
  }
  printf("%d\n", good);
  return 0;
}
