// Every C entry point with its edge cases, one line each: value, errno, alignment, contents.
// conformance            all cases in order
// conformance list       their names
// conformance first N    only case N, as the very first use of the heap in the process
// conformance thread N   only case N, first in a new thread
#define _GNU_SOURCE
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// The compiler knows what these return; a variable hides which function is called.
static void* (*volatile do_malloc)(size_t) = malloc;
static void* (*volatile do_calloc)(size_t, size_t) = calloc;
static void* (*volatile do_realloc)(void*, size_t) = realloc;
static void* (*volatile do_reallocarray)(void*, size_t, size_t) = reallocarray;
static void* (*volatile do_memalign)(size_t, size_t) = memalign;
static void* (*volatile do_aligned_alloc)(size_t, size_t) = aligned_alloc;
static int (*volatile do_posix_memalign)(void**, size_t, size_t) = posix_memalign;
static void* (*volatile do_valloc)(size_t) = valloc;
static void* (*volatile do_pvalloc)(size_t) = pvalloc;
static size_t (*volatile do_usable_size)(void*) = malloc_usable_size;
static void (*volatile do_free)(void*) = free;

static char line[4096];
static size_t used;

// No stdio: its buffer would be the first allocation.
static void put(const char* format, ...) {
  va_list list;
  va_start(list, format);
  const int count = vsnprintf(line + used, sizeof line - used, format, list);
  va_end(list);
  used += (size_t)count;
}

static void end_line(void) {
  line[used++] = '\n';
  if (write(1, line, used) != (ssize_t)used) {
    _exit(9);
  }
  used = 0;
}

static const char* errno_text(int value) {
  switch (value) {
    case 77:
      return "kept";
    case ENOMEM:
      return "ENOMEM";
    case EINVAL:
      return "EINVAL";
    case 0:
      return "0";
  }
  return "other";
}

// Says all about a block that may be said, fills it, and frees it.
static void block(const char* what, void* p, size_t size, size_t alignment) {
  const int error = errno;
  put("%s=%s errno=%s", what, p == NULL ? "null" : "block", errno_text(error));
  if (p != NULL) {
    const size_t usable = do_usable_size(p);
    put(" aligned=%d usable=%s", (uintptr_t)p % alignment == 0, usable >= size ? "ok" : "short");
    memset(p, 0xa5, usable);
    errno = 77;
    do_free(p);
    put(" free-errno=%s", errno_text(errno));
  }
  errno = 77;
}

static const size_t huge = SIZE_MAX / 2 + 1;

static void case_malloc(void) {
  block("malloc(1)", do_malloc(1), 1, 16);
  block(" malloc(100000)", do_malloc(100000), 100000, 16);
  block(" malloc(10M)", do_malloc(10 << 20), 10 << 20, 16);
}

static void case_malloc_zero(void) {
  void* a = do_malloc(0);
  void* b = do_malloc(0);
  put("distinct=%d ", a != b);
  block("a", a, 0, 16);
  block(" b", b, 0, 16);
}

static void case_malloc_huge(void) {
  block("PTRDIFF_MAX+1", do_malloc(huge), 0, 16);
  block(" SIZE_MAX", do_malloc(SIZE_MAX), 0, 16);
  block(" SIZE_MAX-4096", do_malloc(SIZE_MAX - 4096), 0, 16);
  block(" PTRDIFF_MAX", do_malloc(PTRDIFF_MAX), 0, 16);
}

static void case_calloc(void) {
  const size_t sizes[] = {1, 24, 1000, 5000, 70000, 300000, 3000000};
  size_t dirty = 0;
  for (int round = 0; round < 3; round++) {
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
      unsigned char* p = do_calloc(sizes[i], 1);
      for (size_t k = 0; k < sizes[i]; k++) {
        dirty += p[k] != 0;
      }
      memset(p, 0xff, do_usable_size(p));
      do_free(p);
    }
  }
  put("dirty=%zu ", dirty);
  block("calloc(3,7)", do_calloc(3, 7), 21, 16);
}

static void case_calloc_edges(void) {
  block("0,5", do_calloc(0, 5), 0, 16);
  block(" 5,0", do_calloc(5, 0), 0, 16);
  block(" overflow", do_calloc(SIZE_MAX / 2, 3), 0, 16);
  block(" overflow2", do_calloc((size_t)1 << 32, (size_t)1 << 32), 0, 16);
  block(" huge", do_calloc(huge, 1), 0, 16);
}

static void case_realloc(void) {
  unsigned char* p = do_realloc(NULL, 10);
  put("null=%s errno=%s ", p == NULL ? "null" : "block", errno_text(errno));
  memset(p, 7, 10);
  const size_t sizes[] = {100, 10, 5000, 200, 200000, 64, 4000000, 8000000, 1000, 16};
  size_t wrong = 0;
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    p = do_realloc(p, sizes[i]);
    for (int k = 0; k < 10; k++) {
      wrong += p[k] != 7;
    }
    wrong += (uintptr_t)p % 16 != 0;
  }
  put("wrong=%zu ", wrong);
  block("last", p, 16, 16);
}

static void case_realloc_edges(void) {
  block("null,0", do_realloc(NULL, 0), 0, 16);
  void* p = do_malloc(50);
  errno = 77;
  block(" p,0", do_realloc(p, 0), 0, 16);
  p = do_malloc(50);
  memset(p, 3, 50);
  errno = 77;
  void* q = do_realloc(p, huge);
  put(" huge=%s errno=%s kept=%d ", q == NULL ? "null" : "block", errno_text(errno),
      ((char*)p)[49] == 3);
  errno = 77;
  block("p", p, 50, 16);
  block(" null,huge", do_realloc(NULL, huge), 0, 16);
}

static void case_reallocarray(void) {
  block("null,3,5", do_reallocarray(NULL, 3, 5), 15, 16);
  void* p = do_malloc(5);
  errno = 77;
  void* q = do_reallocarray(p, SIZE_MAX / 2, 3);
  put(" overflow=%s errno=%s ", q == NULL ? "null" : "block", errno_text(errno));
  errno = 77;
  q = do_reallocarray(p, 0, 0);
  put("p,0,0=%s errno=%s ", q == NULL ? "null" : "block", errno_text(errno));
  errno = 77;
  block("null,0,0", do_reallocarray(NULL, 0, 0), 0, 16);
}

static void case_memalign(void) {
  for (size_t alignment = 1; alignment <= (size_t)1 << 22; alignment *= 4) {
    block(alignment == 1 ? "1" : " n", do_memalign(alignment, 100), 100, alignment);
  }
  end_line();
  block("3", do_memalign(3, 10), 10, 4);
  block(" 0", do_memalign(0, 10), 10, 16);
  block(" 4097", do_memalign(4097, 10), 10, 8192);
  block(" size 0", do_memalign(64, 0), 0, 64);
  block(" huge alignment", do_memalign(huge + 1, 10), 0, 1);
  block(" SIZE_MAX alignment", do_memalign(SIZE_MAX, 10), 0, 1);
  block(" huge size", do_memalign(64, huge), 0, 1);
  block(" SIZE_MAX", do_memalign(4096, SIZE_MAX - 10), 0, 1);
}

static void case_aligned_alloc(void) {
  block("64,64", do_aligned_alloc(64, 64), 64, 64);
  block(" 64,10", do_aligned_alloc(64, 10), 10, 64);
  block(" 3,10", do_aligned_alloc(3, 10), 10, 4);
  block(" 0,10", do_aligned_alloc(0, 10), 10, 16);
  block(" 1M,1", do_aligned_alloc(1 << 20, 1), 1, 1 << 20);
  block(" huge", do_aligned_alloc(64, huge), 0, 1);
}

static void posix_case(const char* what, size_t alignment, size_t size) {
  void* const untouched = (void*)(uintptr_t)0x1234;
  void* p = untouched;
  errno = 77;
  const int result = do_posix_memalign(&p, alignment, size);
  const int error = errno;
  put("%s=%s errno=%s %s ", what, errno_text(result), errno_text(error),
      p == untouched ? "untouched" : "set");
  if (result == 0) {
    errno = 77;
    block("p", p, size, alignment);
    put(" ");
  }
}

static void case_posix_memalign(void) {
  posix_case("8", 8, 100);
  posix_case("64", 64, 100);
  posix_case("4096", 4096, 5000);
  posix_case("1M", 1 << 20, 10);
  posix_case("size 0", 64, 0);
  end_line();
  posix_case("0", 0, 10);
  posix_case("3", 3, 10);
  posix_case("4", 4, 10);
  posix_case("24", 24, 10);
  posix_case("huge", 64, huge);
  posix_case("SIZE_MAX", 64, SIZE_MAX - 8);
}

static void case_valloc(void) {
  block("0", do_valloc(0), 0, 4096);
  block(" 1", do_valloc(1), 1, 4096);
  block(" 10000", do_valloc(10000), 10000, 4096);
  block(" huge", do_valloc(huge), 0, 1);
  block(" SIZE_MAX", do_valloc(SIZE_MAX), 0, 1);
}

static void case_pvalloc(void) {
  block("0", do_pvalloc(0), 0, 4096);
  block(" 1", do_pvalloc(1), 4096, 4096);
  block(" 4097", do_pvalloc(4097), 8192, 4096);
  block(" SIZE_MAX", do_pvalloc(SIZE_MAX), 0, 1);
  block(" SIZE_MAX-4095", do_pvalloc(SIZE_MAX - 4095), 0, 1);
  block(" huge", do_pvalloc(huge), 0, 1);
}

static void case_usable_size(void) {
  put("null=%zu errno=%s", do_usable_size(NULL), errno_text(errno));
}

static void case_free_null(void) {
  do_free(NULL);
  put("errno=%s", errno_text(errno));
}

static void case_mallopt(void) {
  put("mmap_threshold=%d errno=%s ", mallopt(M_MMAP_THRESHOLD, 128 << 10), errno_text(errno));
  put("arena_max=%d errno=%s", mallopt(M_ARENA_MAX, 1), errno_text(errno));
}

static void case_trim(void) {
  const int result = malloc_trim(0);
  put("trim=%s", result == 0 || result == 1 ? "0 or 1" : "other");
}

static void case_mallinfo(void) {
  void* p = do_malloc(1000);
  const struct mallinfo2 info = mallinfo2();
  put("uordblks=%s", info.uordblks >= 1000 ? "ok" : "too small");
  do_free(p);
}

// Gives a block back as C23's sized free does, which libc 2.36 lacks.
static void case_cross(void) {
  void* p = do_memalign(64, 100);
  p = do_realloc(p, 200);
  put("memalign+realloc=%s ", p == NULL ? "null" : "block");
  block("p", p, 200, 16);
  void* q = do_valloc(100);
  q = do_realloc(q, 100000);
  errno = 77;
  block(" valloc+realloc", q, 100000, 16);
}

static const struct {
  const char* name;
  void (*function)(void);
} cases[] = {
    {"malloc", case_malloc},
    {"malloc_zero", case_malloc_zero},
    {"malloc_huge", case_malloc_huge},
    {"calloc", case_calloc},
    {"calloc_edges", case_calloc_edges},
    {"realloc", case_realloc},
    {"realloc_edges", case_realloc_edges},
    {"reallocarray", case_reallocarray},
    {"memalign", case_memalign},
    {"aligned_alloc", case_aligned_alloc},
    {"posix_memalign", case_posix_memalign},
    {"valloc", case_valloc},
    {"pvalloc", case_pvalloc},
    {"usable_size", case_usable_size},
    {"free_null", case_free_null},
    {"mallopt", case_mallopt},
    {"trim", case_trim},
    {"mallinfo", case_mallinfo},
    {"cross", case_cross},
};

enum { kCases = sizeof cases / sizeof *cases };

static void run_case(int i) {
  put("%s: ", cases[i].name);
  errno = 77;
  cases[i].function();
  end_line();
}

static void* run_in_thread(void* index) {
  run_case(*(int*)index);
  return NULL;
}

int main(int argc, char** argv) {
  if (argc == 1) {
    for (int i = 0; i < kCases; i++) {
      run_case(i);
    }
    return 0;
  }
  if (argc == 2) {
    for (int i = 0; i < kCases; i++) {
      put("%s", cases[i].name);
      end_line();
    }
    return 0;
  }
  for (int i = 0; i < kCases; i++) {
    if (strcmp(cases[i].name, argv[2]) == 0) {
      if (strcmp(argv[1], "first") == 0) {
        run_case(i);
        return 0;
      }
      pthread_t thread;
      if (pthread_create(&thread, NULL, run_in_thread, &i) != 0) {
        return 3;
      }
      pthread_join(thread, NULL);
      return 0;
    }
  }
  return 2;
}
