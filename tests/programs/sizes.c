// Every size from 0 to 5000 and some large ones: alignment, usable size that may be filled, no
// overlap, contents over realloc; every alignment up to 1 GiB. Prints only what is wrong.
#define _GNU_SOURCE
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int wrong;

#define EXPECT(condition, ...)                  \
  do {                                          \
    if (!(condition) && ++wrong < 20) {         \
      printf("%s: " #condition ": ", __func__); \
      printf(__VA_ARGS__);                      \
      puts("");                                 \
    }                                           \
  } while (0)

static const size_t large[] = {5001,    8191,    8192,    8193,     16384,    20000,    32768,
                               32769,   65535,   65536,   65537,    100000,   131072,   131073,
                               262144,  262145,  500000,  1048575,  1048576,  1048577,  2097152,
                               3000000, 4194304, 4194305, 10000000, 33554432, 100000001};

enum { kLarge = sizeof large / sizeof *large, kSmall = 5001 };

static size_t size_at(int i) {
  return i < kSmall ? (size_t)i : large[i - kSmall];
}

static int all_are(const unsigned char* p, unsigned char mark, size_t size) {
  return size == 0 || (p[0] == mark && memcmp(p, p + 1, size - 1) == 0);
}

static void check_live_together(void) {
  static unsigned char* blocks[kSmall];
  static size_t usable[kSmall];
  for (int round = 0; round < 2; round++) {
    for (int i = 0; i < kSmall; i++) {
      blocks[i] = malloc((size_t)i);
      EXPECT(blocks[i] != NULL, "size %d", i);
      EXPECT((uintptr_t)blocks[i] % 16 == 0, "size %d at %p", i, (void*)blocks[i]);
      usable[i] = malloc_usable_size(blocks[i]);
      EXPECT(usable[i] >= (size_t)i, "size %d usable %zu", i, usable[i]);
      memset(blocks[i], i % 251, usable[i]);
    }
    for (int i = 0; i < kSmall; i++) {
      EXPECT(malloc_usable_size(blocks[i]) == usable[i], "size %d", i);
      EXPECT(all_are(blocks[i], (unsigned char)(i % 251), usable[i]), "size %d", i);
      free(blocks[i]);
    }
  }
}

static void check_calloc(void) {
  for (int round = 0; round < 3; round++) {
    for (int i = 1; i < kSmall + kLarge; i += i < 600 ? 1 : 37) {
      const size_t size = size_at(i);
      if (size > 5000000) {
        continue;
      }
      unsigned char* a = calloc(1, size);
      unsigned char* b = calloc(size, 1);
      EXPECT((uintptr_t)a % 16 == 0, "size %zu", size);
      EXPECT(all_are(a, 0, size) && all_are(b, 0, size), "size %zu", size);
      memset(a, 0xff, malloc_usable_size(a));
      memset(b, 0xff, malloc_usable_size(b));
      free(a);
      free(b);
    }
  }
}

static void check_realloc(void) {
  const size_t steps[] = {1, 17, 100, 1000, 1025, 5000, 40000, 300000, 3000000, 20000000};

  enum { kSteps = sizeof steps / sizeof *steps };

  for (int from = 0; from < kSteps; from++) {
    for (int to = 0; to < kSteps; to++) {
      unsigned char* p = malloc(steps[from]);
      memset(p, from + 1, steps[from]);
      p = realloc(p, steps[to]);
      const size_t kept = steps[from] < steps[to] ? steps[from] : steps[to];
      EXPECT(all_are(p, (unsigned char)(from + 1), kept), "%zu to %zu", steps[from], steps[to]);
      EXPECT(malloc_usable_size(p) >= steps[to], "%zu to %zu", steps[from], steps[to]);
      memset(p, 0xee, malloc_usable_size(p));
      free(p);
    }
  }
  // Growing in small steps through all classes, and back, with a neighbour that must not change.
  unsigned char* p = malloc(1);
  p[0] = 1;
  for (size_t size = 1; size < 400000; size += size / 13 + 1) {
    unsigned char* neighbour = malloc(size);
    memset(neighbour, 0x55, size);
    p = realloc(p, size + size / 13 + 1);
    memset(p + size, (int)(1), size / 13 + 1);
    EXPECT(all_are(p, 1, size + size / 13 + 1), "grown to %zu", size);
    EXPECT(all_are(neighbour, 0x55, size), "beside %zu", size);
    free(neighbour);
  }
  for (size_t size = 390000; size > 0; size -= size / 11 + 1) {
    p = realloc(p, size);
    EXPECT(all_are(p, 1, size), "shrunk to %zu", size);
  }
  free(p);
}

static void check_alignments(void) {
  for (size_t alignment = 8; alignment <= (size_t)1 << 30; alignment *= 2) {
    const size_t sizes[] = {0, 1, 24, 100, 1000, 5000, 70000, 1100000};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
      void* p = NULL;
      void* q = memalign(alignment, sizes[i]);
      EXPECT(posix_memalign(&p, alignment, sizes[i]) == 0, "%zu/%zu", alignment, sizes[i]);
      EXPECT((uintptr_t)p % alignment == 0 && (uintptr_t)q % alignment == 0, "%zu", alignment);
      EXPECT(p != q && p != NULL && q != NULL, "%zu/%zu", alignment, sizes[i]);
      memset(p, 1, malloc_usable_size(p));
      memset(q, 2, malloc_usable_size(q));
      EXPECT(all_are(p, 1, malloc_usable_size(p)), "%zu/%zu", alignment, sizes[i]);
      EXPECT(malloc_usable_size(p) >= sizes[i], "%zu/%zu", alignment, sizes[i]);
      p = realloc(p, sizes[i] * 2 + 1);
      EXPECT(all_are(p, 1, sizes[i]), "realloc of %zu/%zu", alignment, sizes[i]);
      free(p);
      free(q);
    }
  }
}

static void check_large(void) {
  unsigned char* blocks[kLarge];
  for (int round = 0; round < 2; round++) {
    for (int i = 0; i < kLarge; i++) {
      blocks[i] = malloc(large[i]);
      EXPECT((uintptr_t)blocks[i] % 16 == 0, "size %zu", large[i]);
      EXPECT(malloc_usable_size(blocks[i]) >= large[i], "size %zu", large[i]);
      memset(blocks[i], i + 1, large[i] < 1000000 ? malloc_usable_size(blocks[i]) : 4096);
      blocks[i][large[i] - 1] = (unsigned char)(i + 1);
    }
    for (int i = 0; i < kLarge; i++) {
      EXPECT(all_are(blocks[i], (unsigned char)(i + 1), 4096), "size %zu", large[i]);
      EXPECT(blocks[i][large[i] - 1] == i + 1, "size %zu", large[i]);
      free(blocks[i]);
    }
  }
}

int main(void) {
  check_live_together();
  check_calloc();
  check_realloc();
  check_alignments();
  check_large();
  printf("%d wrong\n", wrong);
  return wrong != 0;
}
