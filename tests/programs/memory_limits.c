// What a heap looks like from outside of it, and under limits: memory_limits MODE
//   map        30 MiB in blocks of all sizes, half of them freed here and there: prints the number
//   of
//              mappings of the process, and says when a block lies below 4 GiB or above 2^47
//   back       192 MiB in blocks of 100 to 1,000,000 bytes, all freed: prints how many MiB are
//   resident
//              beyond what was before, and KiB that are LazyFree, after freeing and a malloc_trim
//   lock       mlockall(MCL_CURRENT | MCL_FUTURE), or says why not; then allocates all sizes
//   lock-late  allocates, locks, allocates
//   work       allocates up to 24 MiB in all sizes, in two threads
//   fill       allocates 1 MiB blocks and touches some of each until there is no more; frees them;
//   works align      alignments from 4 KiB to 2^40 and beyond: prints those that failed, and MiB
//   resident
// Ends with "good".
#define _GNU_SOURCE
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { kBlocks = 4000 };

static char* blocks[kBlocks];
static char line[256];

static long number_in(const char* path, const char* key) {
  FILE* file = fopen(path, "r");
  long found = -1;
  while (file != NULL && fgets(line, sizeof line, file) != NULL) {
    if (strncmp(line, key, strlen(key)) == 0) {
      found = atol(line + strlen(key));
    }
  }
  if (file != NULL) {
    fclose(file);
  }
  return found;
}

static long resident_mib(void) {
  return number_in("/proc/self/status", "VmRSS:") / 1024;
}

static int mappings(void) {
  FILE* file = fopen("/proc/self/maps", "r");
  int count = 0;
  while (file != NULL && fgets(line, sizeof line, file) != NULL) {
    count += strchr(line, '\n') != NULL;
  }
  fclose(file);
  return count;
}

// A user may lock 8 MiB, and the program itself takes some: large blocks are not for that.
static int is_small;

static size_t size_of(unsigned i) {
  const unsigned x = (i * 2654435761u) >> 8;
  return i % 100 == 0 && !is_small ? x % 400000 + 1 : i % 7 == 0 ? x % 30000 + 1 : x % 900 + 1;
}

static void complain(const char* what) {
  printf("%s: %s\n", what, strerror(errno));
  exit(1);
}

static void fill_all(void) {
  for (unsigned i = 0; i < kBlocks; i++) {
    blocks[i] = malloc(size_of(i));
    if (blocks[i] == NULL) {
      complain("malloc");
    }
    memset(blocks[i], (int)i, size_of(i));
    if ((uintptr_t)blocks[i] >> 47 != 0 || (uintptr_t)blocks[i] >> 32 == 0) {
      printf("block at %p\n", (void*)blocks[i]);
    }
  }
}

static void free_every(unsigned step) {
  for (unsigned i = 0; i < kBlocks; i += step) {
    if (blocks[i] != NULL && blocks[i][size_of(i) - 1] != (char)i) {
      complain("a block has changed");
    }
    free(blocks[i]);
    blocks[i] = NULL;
  }
}

static void map(void) {
  fill_all();
  free_every(3);
  for (unsigned i = 0; i < 300; i++) {
    free(memalign((size_t)4096 << i % 8, size_of(i)));
    free(malloc(100000 + i * 4096));
  }
  printf("mappings %d\n", mappings());
}

static void back(void) {
  static char* many[200000];
  const long before = resident_mib();
  size_t total = 0;
  int count = 0;
  for (; total < (size_t)192 << 20; count++) {
    const size_t size = count % 3 == 0 ? 100 : count % 500 == 1 ? 1000000 : 3000;
    many[count] = malloc(size);
    memset(many[count], 1, size);
    total += size;
  }
  for (int i = 0; i < count; i++) {
    free(many[i]);
  }
  malloc_trim(0);
  printf("resident %ld\n", resident_mib() - before);
  printf("lazyfree %ld\n", number_in("/proc/self/smaps_rollup", "LazyFree:"));
}

static void* work(void* unused) {
  void* own[200] = {NULL};
  for (unsigned i = 0; i < 6000; i++) {
    void** slot = &own[i % 200];
    void* p = i % 3 == 0 ? realloc(*slot, size_of(i)) : (free(*slot), malloc(size_of(i)));
    if (p == NULL) {
      complain("no memory");
    }
    memset(p, 1, size_of(i));
    *slot = p;
  }
  for (int i = 0; i < 200; i++) {
    free(own[i]);
  }
  return unused;
}

static void work_in_two(void) {
  pthread_t thread;
  if (pthread_create(&thread, NULL, work, NULL) != 0) {
    complain("no thread");
  }
  work(NULL);
  pthread_join(thread, NULL);
}

static void lock(void) {
  is_small = 1;
  if (mlockall(MCL_CURRENT | MCL_FUTURE) != 0) {
    printf("mlockall: %s\n", strerror(errno));
  }
}

static void fill(void) {
  int count = 0;
  while (count < kBlocks && (blocks[count] = malloc(1 << 20)) != NULL) {
    memset(blocks[count], 1, 5000);
    count++;
  }
  if (count == 0 || count == kBlocks || errno != ENOMEM) {
    printf("%d blocks, %s\n", count, strerror(errno));
    exit(1);
  }
  for (int i = 0; i < count; i++) {
    free(blocks[i]);
    blocks[i] = NULL;
  }
  work(NULL);
}

static void align(void) {
  for (int power = 12; power < 64; power++) {
    const size_t alignment = (size_t)1 << power;
    for (int i = 0; i < 3; i++) {
      void* p = NULL;
      errno = 0;
      const int result =
          i == 0
              ? posix_memalign(&p, alignment, 5000)
              : ((p = i == 1 ? memalign(alignment, 1) : aligned_alloc(alignment, 100000)), errno);
      if (p != NULL) {
        if ((uintptr_t)p % alignment != 0) {
          printf("%p is no multiple of 2^%d\n", p, power);
        }
        memset(p, 1, malloc_usable_size(p) < 5000 ? 1 : 5000);
        p = realloc(p, 200000);
        memset(p, 1, 200000);
        free(p);
      } else if (result != ENOMEM && result != EINVAL) {
        printf("2^%d: no block and %s\n", power, strerror(result));
      } else {
        printf("failed %d\n", power);
      }
    }
  }
  printf("resident %ld\n", resident_mib());
}

int main(int argc, char** argv) {
  static char buffer[4096];
  setvbuf(stdout, buffer, _IOLBF, sizeof buffer);
  const char* mode = argc > 1 ? argv[1] : "work";
  if (strcmp(mode, "map") == 0) {
    map();
  } else if (strcmp(mode, "back") == 0) {
    back();
  } else if (strcmp(mode, "lock") == 0) {
    lock();
    work(NULL);
  } else if (strcmp(mode, "lock-late") == 0) {
    is_small = 1;
    work(NULL);
    lock();
    work(NULL);
  } else if (strcmp(mode, "fill") == 0) {
    fill();
  } else if (strcmp(mode, "align") == 0) {
    align();
  } else {
    work_in_two();
  }
  puts("good");
  return 0;
}
