/* Linked to nothing: opens the library named by its argument, unless it is preloaded, and gets the
 * functions by their real names. Prints "ok". */
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static void* library;

static void* function(const char* name) {
  void* found = dlsym(library, name);
  if (found == NULL) {
    printf("%s\n", dlerror());
  }
  return found;
}

#define GET(pointer, name)                      \
  do {                                          \
    void* found_ = function(name);              \
    if (found_ == NULL) {                       \
      return 1;                                 \
    }                                           \
    memcpy(&(pointer), &found_, sizeof found_); \
  } while (0)

int main(int argc, char** argv) {
  library = argc > 1 ? dlopen(argv[1], RTLD_NOW) : dlopen(NULL, RTLD_NOW);
  if (library == NULL) {
    printf("%s\n", dlerror());
    return 1;
  }
  void* (*tag_alloc)(const char*, uint32_t);
  void (*tag_free)(void*);
  void* (*alloc)(uint32_t, void*);
  void (*release)(void*, uint32_t, void*);
  GET(tag_alloc, "heaptag_OSMalloc_Tagalloc");
  GET(tag_free, "heaptag_OSMalloc_Tagfree");
  GET(alloc, "heaptag_OSMalloc");
  GET(release, "heaptag_OSFree");
  void* tag = tag_alloc("by dlsym", 0);
  char* block = alloc(100, tag);
  if (tag == NULL || block == NULL) {
    puts("no memory");
    return 1;
  }
  memset(block, 1, 100);
  release(block, 100, tag);
  tag_free(tag);

  int (*make_type)(const char*, unsigned long);
  void* (*type_malloc)(unsigned long, int, int);
  void (*type_free)(void*, int);
  GET(make_type, "heaptag_malloc_type_register");
  GET(type_malloc, "heaptag_mtype_malloc");
  GET(type_free, "heaptag_mtype_free");
  const int type = make_type("by dlsym", 0);
  for (int flags = 0; flags < 4; flags++) {
    block = type_malloc(100, type, flags);
    if (block == NULL) {
      puts("no memory");
      return 1;
    }
    memset(block, 1, 100);
    type_free(block, type);
  }
  puts("ok");
  return 0;
}
