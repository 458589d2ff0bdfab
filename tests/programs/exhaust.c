// Runs out of memory and goes on: allocates until NULL under a limit on address space, frees all,
// and works again. Three calls fail: two in the function fails_once, one realloc in main.
// exhaust            under the limit that it was started with
// exhaust LIMIT_MIB  sets a limit for itself first
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { kMax = 20000 };

static void* blocks[kMax];

__attribute__((noinline, noclone)) static void* fails_once(size_t size) {
  void* p = malloc(size);
  if (p != NULL) {
    memset(p, 1, size < 64 ? size : 64);
  }
  return p;
}

// Until NULL; the number of blocks that there were.
static int fill(size_t size) {
  int count = 0;
  errno = 0;
  while (count < kMax && (blocks[count] = fails_once(size)) != NULL) {
    count++;
  }
  if (count < kMax && errno != ENOMEM) {
    printf("NULL with errno %d\n", errno);
    exit(1);
  }
  return count;
}

static void empty(int count) {
  for (int i = 0; i < count; i++) {
    free(blocks[i]);
  }
}

int main(int argc, char** argv) {
  if (argc > 1) {
    struct rlimit limit;
    limit.rlim_cur = limit.rlim_max = (rlim_t)atoi(argv[1]) << 20;
    if (setrlimit(RLIMIT_AS, &limit) != 0) {
      return 3;
    }
  }
  const int large = fill(1 << 20);
  if (large == 0) {
    puts("no memory at all");
    return 1;
  }
  char* kept = blocks[0];
  errno = 0;
  if (realloc(kept, (size_t)1 << 40) != NULL || errno != ENOMEM || kept[0] != 1) {
    puts("a failed realloc lost the block");
    return 1;
  }
  empty(large);
  // The memory that came back serves small blocks, and large ones again.
  const int small = 20000;
  for (int i = 0; i < small; i++) {
    if ((blocks[i] = malloc(100)) == NULL) {
      printf("no small block %d after the large ones were freed\n", i);
      return 1;
    }
  }
  empty(small);
  const int again = fill(1 << 20);
  empty(again);
  printf("%s\n", again >= large * 3 / 4 && large >= 4 ? "good" : "too few blocks");
  return 0;
}
