// Threads with known totals per function. One mode per run:
//   local      each thread allocates, frees half itself
//   cross      one thread allocates, another frees
//   after      threads allocate and end; main frees half
//   realloc    main resizes what threads allocated
//   fork       main allocates, a forked child frees half and allocates its own
//   dead       blocks are passed from thread to thread, each ending before the next frees
// threads MODE THREADS BLOCKS
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SITE __attribute__((noinline, noclone)) static

enum { kThreadsMax = 64, kBlocksMax = 20000 };

static int threads;
static int blocks;
static void* _Atomic table[kThreadsMax][kBlocksMax];

static size_t size_of(int i) {
  return (size_t)(i % 500) + 1;
}

SITE void* allocate_here(int i) {
  char* p = malloc(size_of(i));
  p[0] = (char)i;
  p[size_of(i) - 1] = (char)i;
  return p;
}

// Touches the block: a call at the very end would be a jump, and its caller the site.
SITE void* resize_here(void* p) {
  p = realloc(p, 1000);
  memset(p, 1, 1000);
  return p;
}

SITE void* child_allocates(int i) {
  void* p = malloc((size_t)i + 3000);
  memset(p, 1, 3000);
  return p;
}

static void start_and_join(void* (*function)(void*)) {
  pthread_t ids[kThreadsMax];
  for (long t = 0; t < threads; t++) {
    if (pthread_create(&ids[t], NULL, function, (void*)t) != 0) {
      exit(3);
    }
  }
  for (int t = 0; t < threads; t++) {
    pthread_join(ids[t], NULL);
  }
}

static void* fill(void* row) {
  for (int i = 0; i < blocks; i++) {
    table[(long)row][i] = allocate_here(i);
  }
  return NULL;
}

static void* fill_and_free_half(void* row) {
  fill(row);
  for (int i = 0; i < blocks; i += 2) {
    free(table[(long)row][i]);
  }
  return NULL;
}

// Even threads allocate; the odd one after each frees what it allocates, as it appears.
static void* fill_or_free_others(void* row) {
  const long own = (long)row;
  if (own % 2 == 0) {
    return fill(row);
  }
  for (int i = 0; i < blocks; i++) {
    void* p;
    while ((p = atomic_exchange(&table[own - 1][i], NULL)) == NULL) {
      sched_yield();
    }
    free(p);
  }
  return NULL;
}

static void* free_half_of_previous(void* row) {
  for (int i = 0; i < blocks; i += 2) {
    free(table[(long)row][i]);
  }
  return NULL;
}

static int run_fork(void) {
  fill((void*)0);
  fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    for (int i = 0; i < blocks; i += 2) {
      free(table[0][i]);
    }
    for (int i = 0; i < 10; i++) {
      table[1][i] = child_allocates(i);
    }
    exit(0);
  }
  int status;
  if (waitpid(child, &status, 0) != child) {
    return 4;
  }
  return status;
}

int main(int argc, char** argv) {
  if (argc != 4) {
    return 2;
  }
  threads = atoi(argv[2]);
  blocks = atoi(argv[3]);
  const char* mode = argv[1];
  if (threads > kThreadsMax || blocks > kBlocksMax) {
    return 2;
  }
  if (strcmp(mode, "local") == 0) {
    start_and_join(fill_and_free_half);
  } else if (strcmp(mode, "cross") == 0) {
    start_and_join(fill_or_free_others);
  } else if (strcmp(mode, "after") == 0) {
    start_and_join(fill);
    for (int t = 0; t < threads; t++) {
      free_half_of_previous((void*)(long)t);
    }
  } else if (strcmp(mode, "realloc") == 0) {
    start_and_join(fill);
    for (int t = 0; t < threads; t++) {
      for (int i = 0; i < blocks; i += 2) {
        table[t][i] = resize_here(table[t][i]);
      }
    }
  } else if (strcmp(mode, "fork") == 0) {
    return run_fork();
  } else if (strcmp(mode, "dead") == 0) {
    start_and_join(fill);
    start_and_join(free_half_of_previous);
  } else {
    return 2;
  }
  return 0;
}
