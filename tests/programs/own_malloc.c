// A program that brings a malloc of its own, wholly or in part (own_functions.h): CMakeLists.txt
// makes several of this file. It allocates by every function, its own and others', and gives each
// block back to whoever can take it. Prints the calls of its own functions that it saw, and the
// usable sizes of blocks that were not its own, which tell whose they are.
#define _GNU_SOURCE
#include "own_functions.h"

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

static void (*volatile do_free)(void*) = free;
static void* (*volatile do_malloc)(size_t) = malloc;
static void* (*volatile do_calloc)(size_t, size_t) = calloc;
static void* (*volatile do_realloc)(void*, size_t) = realloc;

static char text[4096];
static size_t used;

static void put(const char* what, size_t number) {
  used += (size_t)snprintf(text + used, sizeof text - used, "%s %zu\n", what, number);
}

// What nobody's free could take is left alone. The size of an aligned block is chance: no name.
static void release(const char* what, void* p) {
  if (p == NULL) {
    put("there is no block", 1);
    return;
  }
  (void)what;
#ifndef OWN_REST
  if (!is_own(p) && what != NULL) {
    put(what, malloc_usable_size(p));
  }
#endif
#ifndef OWN_FREE
  if (is_own(p)) {
    return;
  }
#endif
  do_free(p);
}

static void all_calls(void) {
  char* p = do_malloc(100);
  memset(p, 'm', 100);
#ifndef OWN_REALLOC
  if (!is_own(p))
#endif
  {
    p = do_realloc(p, 3000);
    if (p[0] != 'm' || p[99] != 'm') {
      put("realloc lost the contents", 1);
    }
  }
  release("malloc", p);
  char* q = do_calloc(10, 30);
  for (int i = 0; i < 300; i++) {
    if (q[i] != 0) {
      put("calloc is dirty", 1);
    }
  }
  release("calloc", q);
  release("realloc", do_realloc(NULL, 77));
  void* r = NULL;
  if (posix_memalign(&r, 64, 500) != 0 || (uintptr_t)r % 64 != 0) {
    put("posix_memalign failed", 1);
  }
  release(NULL, r);
  release(NULL, aligned_alloc(256, 512));
  release(NULL, memalign(32, 40000));
  release(NULL, valloc(10));
  release(NULL, pvalloc(4097));
#if !defined(OWN_MALLOC) || defined(OWN_REALLOC)  // libc reallocates what it got from malloc
  char* line = NULL;
  if (asprintf(&line, "%200d", 7) != 200) {
    put("asprintf failed", 1);
  }
  release("asprintf", line);
#endif
  release("strdup", strdup("a string of nineteen"));
  release("large", do_malloc(1000000));
}

static void* thread(void* unused) {
  all_calls();
  return unused;
}

int main(void) {
  all_calls();
  pthread_t id;
  if (pthread_create(&id, NULL, thread, NULL) != 0 || pthread_join(id, NULL) != 0) {
    return 3;
  }
  const pid_t child = fork();
  if (child == 0) {
    all_calls();
    _exit(5);
  }
  int status = 0;
  waitpid(child, &status, 0);
  put("child", (size_t)WEXITSTATUS(status));
  put("own malloc", (size_t)mallocs);
  put("own free", (size_t)frees);
  put("own calloc", (size_t)callocs);
  put("own realloc", (size_t)reallocs);
  put("own others", (size_t)others);
  put("blocks of others", (size_t)strangers);
  return write(1, text, used) != (ssize_t)used;
}
