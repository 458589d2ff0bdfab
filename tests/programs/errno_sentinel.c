// errno survives every call that succeeds, on slow paths too: new classes, large blocks, threads.
#define _GNU_SOURCE
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int wrong;

static void check(const char* what, size_t size) {
  if (errno != 77) {
    printf("%s(%zu) changed errno to %d\n", what, size, errno);
    wrong++;
  }
  errno = 77;
}

static void* exercise(void* unused) {
  errno = 77;
  for (size_t size = 0; size < ((size_t)1 << 26); size = size * 5 / 4 + 7) {
    void* p = malloc(size);
    check("malloc", size);
    p = realloc(p, size * 2 + 1);
    check("realloc up", size);
    p = realloc(p, size / 2 + 1);
    check("realloc down", size);
    void* q = calloc(size, 1);
    check("calloc", size);
    void* r = NULL;
    int result = posix_memalign(&r, 4096, size);
    check("posix_memalign", size);
    void* s = memalign(64, size);
    check("memalign", size);
    (void)malloc_usable_size(p);
    check("malloc_usable_size", size);
    free(p);
    check("free", size);
    free(q);
    check("free of calloc", size);
    free(s);
    check("free of memalign", size);
    if (result == 0) {
      free(r);
    }
    check("free of posix_memalign", size);
  }
  void* many[3000];
  for (int i = 0; i < 3000; i++) {
    many[i] = malloc(1000);
    check("one of many mallocs", 1000);
  }
  for (int i = 0; i < 3000; i++) {
    free(many[i]);
    check("one of many frees", 1000);
  }
  return unused;
}

int main(void) {
  exercise(NULL);
  pthread_t thread;
  if (pthread_create(&thread, NULL, exercise, NULL) != 0) {
    return 3;
  }
  pthread_join(thread, NULL);
  errno = 77;
  malloc_trim(0);
  check("malloc_trim", 0);
  printf("%d wrong\n", wrong);
  return wrong != 0;
}
