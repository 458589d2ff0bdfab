// Allocation through wrappers of every shape. Each blamed_* function asks for blocks of one size,
// COUNT times; no other call asks for that size.
#define _GNU_SOURCE
#include <alloca.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COUNT = 20 };

#define NOINLINE __attribute__((noinline, noclone))
#define BARRIER() __asm__ volatile("" ::: "memory")

NOINLINE void* xmalloc(size_t size) {
  void* block = malloc(size);
  if (block == NULL) {
    abort();
  }
  return block;
}

NOINLINE void* xcalloc(size_t count, size_t size) {
  void* block = calloc(count, size);
  if (block == NULL) {
    abort();
  }
  return block;
}

NOINLINE void* xrealloc(void* old, size_t size) {
  void* block = realloc(old, size);
  if (block == NULL) {
    abort();
  }
  return block;
}

// Two levels, saved registers, a frame of its own.
NOINLINE void* xmemdup(const void* from, size_t size) {
  char* copy = xmalloc(size);
  memcpy(copy, from, size);
  return copy;
}

// The frame is addressed by rbp: its size is not known to the compiler.
NOINLINE void* alloca_malloc(size_t size) {
  volatile char* room = alloca(size % 64 + 1);
  room[size % 64] = 1;
  void* block = xmalloc(size);
  BARRIER();
  return room[size % 64] ? block : NULL;
}

// rbp in use as a frame pointer, and saved, on the way.
__attribute__((optimize("no-omit-frame-pointer"))) NOINLINE void* framed_malloc(size_t size) {
  void* block = alloca_malloc(size);
  BARRIER();
  return block;
}

NOINLINE void* large_frame_malloc(size_t size) {
  volatile char room[100000];
  room[size] = 1;
  void* block = malloc(size);
  BARRIER();
  return room[size] ? block : NULL;
}

NOINLINE void* many_registers_malloc(size_t size, long* sums) {
  long a = sums[0], b = sums[1], c = sums[2], d = sums[3], e = sums[4], f = sums[5];
  void* block = xmalloc(size);
  BARRIER();
  sums[0] = b, sums[1] = c, sums[2] = d, sums[3] = e, sums[4] = f, sums[5] = a;
  return block;
}

NOINLINE void* recursive_malloc(size_t size, int depth) {
  void* block = depth == 0 ? malloc(size) : recursive_malloc(size, depth - 1);
  BARRIER();
  return block;
}

NOINLINE char* my_asprintf(const char* format, ...) {
  va_list list;
  char* text = NULL;
  va_start(list, format);
  if (vasprintf(&text, format, list) < 0) {
    abort();
  }
  va_end(list);
  return text;
}

NOINLINE void* aligned_xmalloc(size_t size) {
  void* block = NULL;
  if (posix_memalign(&block, 64, size) != 0) {
    abort();
  }
  BARRIER();
  return block;
}

// No name that anybody would know: only HEAPTAG_WRAPPERS can say what it is.
NOINLINE void* get_mem(size_t size) {
  void* block = malloc(size);
  BARRIER();
  return block;
}

#define BLAMED(name, expression)       \
  NOINLINE void* blamed_##name(void) { \
    void* block = (expression);        \
    BARRIER();                         \
    return block;                      \
  }

static long sums[6];

BLAMED(direct, malloc(101))
BLAMED(checked, xmalloc(111))
BLAMED(checked_too, xmalloc(113))
BLAMED(zeroed, xcalloc(11, 11))
BLAMED(grown, xrealloc(NULL, 131))
BLAMED(copied, xmemdup(sums, 41))
BLAMED(open_frame, alloca_malloc(151))
BLAMED(framed, framed_malloc(161))
BLAMED(large_frame, large_frame_malloc(171))
BLAMED(many_registers, many_registers_malloc(181, sums))
BLAMED(recursive, recursive_malloc(191, 7))
BLAMED(duplicate, strdup("a text of nineteen."))
BLAMED(formatted, my_asprintf("%0210d", 1))
BLAMED(aligned, aligned_xmalloc(221))
BLAMED(unknown, get_mem(231))
BLAMED(large, xmalloc(100001))

int main(void) {
  void* (*const all[])(void) = {
      blamed_direct,      blamed_checked,        blamed_checked_too, blamed_zeroed,
      blamed_grown,       blamed_copied,         blamed_open_frame,  blamed_framed,
      blamed_large_frame, blamed_many_registers, blamed_recursive,   blamed_duplicate,
      blamed_formatted,   blamed_aligned,        blamed_unknown,     blamed_large};
  for (size_t i = 0; i < sizeof all / sizeof all[0]; ++i) {
    for (int j = 0; j < COUNT; ++j) {
      void* block = all[i]();
      if (block == NULL) {
        return 1;
      }
      if (j % 2 == 0) {
        free(block);
      }
    }
  }
  return 0;
}
