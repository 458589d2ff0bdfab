// Known numbers of allocations in functions of known names; the sizes are labels.
// All static, without frame pointers. Every third block of give_10001 stays in use.
#define _GNU_SOURCE
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SITE __attribute__((noinline, noclone)) static

static void* kept[4096];
static int kept_count;

static void* keep(void* p) {
  if (p == NULL) {
    exit(1);
  }
  kept[kept_count++] = p;
  return p;
}

SITE void give_10001(int count) {
  for (int i = 0; i < count; i++) {
    void* p = malloc(10001);
    if (i % 3 == 0) {
      keep(p);
    } else {
      free(p);
    }
  }
}

SITE void clear_20002(int count) {
  for (int i = 0; i < count; i++) {
    keep(calloc(2, 10001));
  }
}

// Two sites in one function.
SITE void pair_33_and_44(void) {
  keep(malloc(33));
  keep(malloc(44));
}

SITE void grow_100_to_30003(int count) {
  for (int i = 0; i < count; i++) {
    void* p = malloc(100);
    p = realloc(p, 200);
    p = realloc(p, 30003);
    keep(p);
  }
}

// Without the store the last call would be a jump: it leaves no frame, and the caller is the site.
static volatile int calls;

SITE void* start_500(void) {
  void* p = malloc(500);
  calls++;
  return p;
}

SITE void* resize_700(void* p) {
  p = realloc(p, 700);
  calls++;
  return p;
}

SITE void* resize_array_40(void* p) {
  p = reallocarray(p, 4, 10);
  calls++;
  return p;
}

SITE void release(void* p) {
  free(p);
}

SITE void align_64(int count) {
  for (int i = 0; i < count; i++) {
    void* p = NULL;
    if (posix_memalign(&p, 64, 640) != 0) {
      exit(1);
    }
    keep(p);
    keep(aligned_alloc(64, 64));
    keep(memalign(64, 6));
  }
}

SITE void pages(void) {
  keep(valloc(11));
}

SITE void nothing(void) {
  keep(malloc(0));
  keep(calloc(0, 8));
}

SITE void* deep(int depth) {
  if (depth == 0) {
    void* p = malloc(77);
    return keep(p);
  }
  void* p = deep(depth - 1);
  return (char*)p + (depth < 0);
}

SITE void big(void) {
  void* p = malloc(5000000);
  keep(p);
  p = malloc(3000000);
  free(p);
}

SITE void copies(int count) {
  for (int i = 0; i < count; i++) {
    keep(strdup("a string of twenty-9 characters"));
  }
}

int main(void) {
  give_10001(30);
  clear_20002(7);
  for (int i = 0; i < 5; i++) {
    pair_33_and_44();
  }
  grow_100_to_30003(6);
  for (int i = 0; i < 9; i++) {
    void* p = start_500();
    p = resize_700(p);
    p = resize_array_40(p);
    if (i < 4) {
      release(p);
    } else {
      keep(p);
    }
  }
  align_64(8);
  pages();
  nothing();
  deep(20);
  big();
  copies(12);
  printf("%d\n", kept_count);
  return 0;
}
