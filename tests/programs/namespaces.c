// Libraries that see other symbols than the program does. namespaces MODE LIBRARY, a lib_plugin.so:
//   deepbind        dlopen with RTLD_DEEPBIND: blocks go both ways
//   deepbind-name   the same by its bare name, which only this program's own search path finds
//   deepbind-origin the same by $ORIGIN/…, which means the folder of this program
//   deepbind-base   the same by dlmopen into the program's own namespace
//   apart           dlmopen into a namespace of its own: it has a libc of its own, and frees there
//   stray           as apart, but this side frees 10 of its blocks, and asks for the size of one
// Prints "good" at the end.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void* open_by(const char* mode, const char* path) {
  const int deep = RTLD_NOW | RTLD_DEEPBIND;
  if (strcmp(mode, "deepbind") == 0) {
    return dlopen(path, deep);
  }
  if (strcmp(mode, "deepbind-name") == 0) {
    return dlopen("lib_plugin.so", deep);
  }
  if (strcmp(mode, "deepbind-origin") == 0) {
    return dlopen("$ORIGIN/lib_plugin.so", deep);
  }
  if (strcmp(mode, "deepbind-base") == 0) {
    return dlmopen(LM_ID_BASE, path, deep);
  }
  return dlmopen(LM_ID_NEWLM, path, RTLD_NOW);
}

int main(int argc, char** argv) {
  if (argc != 3) {
    return 2;
  }
  const int is_apart = strcmp(argv[1], "apart") == 0 || strcmp(argv[1], "stray") == 0;
  for (int round = 0; round < 3; round++) {
    void* library = open_by(argv[1], argv[2]);
    if (library == NULL) {
      printf("%s\n", dlerror());
      return 3;
    }
    void* (*make)(size_t) = NULL;
    void (*release)(void*) = NULL;
    *(void**)&make = dlsym(library, "plugin_make");
    *(void**)&release = dlsym(library, "plugin_free");
    for (int i = 0; i < 200; i++) {
      char* theirs = make((size_t)i * 97 + 1);
      if (is_apart) {
        release(theirs);
        free(malloc((size_t)i * 89));
      } else {
        free(theirs);
        release(strdup("from this side"));
        release(malloc((size_t)i * 89));
      }
    }
    if (strcmp(argv[1], "stray") == 0 && round == 0) {
      for (int i = 0; i < 10; i++) {
        free(make(2000));
      }
    }
    dlclose(library);
  }
  puts("good");
  return 0;
}
