// Reallocs at the edges: to more than there can be, which must fail and leave the block as it was
// (also where a page count of 32 bits would wrap around), and of blocks that were filled up to
// malloc_usable_size, all of which must be kept. Prints what is wrong, then "done".
#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void refuse(size_t old_size, size_t size) {
  unsigned char* p = malloc(old_size);
  memset(p, 7, old_size);
  errno = 0;
  unsigned char* q = realloc(p, size);
  if (q != NULL || errno != ENOMEM) {
    printf("realloc from %zu to %zx: %s, errno %d\n", old_size, size, q ? "a block" : "null",
           errno);
    p = q;
  } else if (p[0] != 7 || p[old_size - 1] != 7 || malloc_usable_size(p) < old_size) {
    printf("realloc from %zu to %zx: the old block has changed\n", old_size, size);
  }
  free(p);
}

static void keep_usable(size_t size) {
  for (int round = 0; round < 50; round++) {
    unsigned char* p = malloc(size);
    const size_t usable = malloc_usable_size(p);
    memset(p, 'x', usable);
    p = realloc(p, usable * 2 + 100);
    for (size_t i = 0; i < usable; i++) {
      if (p[i] != 'x') {
        printf("%zu bytes, %zu usable: byte %zu lost\n", size, usable, i);
        break;
      }
    }
    free(p);
  }
}

int main(void) {
  static const size_t too_much[] = {(size_t)1 << 44, ((size_t)1 << 44) + 40960,
                                    (size_t)1 << 45, (size_t)1 << 60,
                                    PTRDIFF_MAX,     SIZE_MAX};
  static const size_t sizes[] = {1, 20, 100, 1000, 5000, 20000, 40000, 300000, 5000000};
  for (size_t i = 0; i < sizeof too_much / sizeof *too_much; i++) {
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
      refuse(sizes[k], too_much[i]);
    }
  }
  for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
    keep_usable(sizes[k]);
  }
  puts("done");
  return 0;
}
